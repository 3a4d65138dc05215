"""JSON out of a model's text (R-LLM-06)."""

import pytest

from jennie_infra.llm.json_text import NoJsonError, extract_json


@pytest.mark.rule("R-LLM-06")
@pytest.mark.parametrize(
    "text",
    [
        '{"score": 61}',
        'surely: {"score": 61} as asked',
        '<think>{"score": 1}</think>{"score": 61}',
        'so\n```json\n{"score": 61}\n```\nend {"score": 2}',
        '{broken} {"score": 61}',
    ],
)
def test_the_answer_is_found(text: str) -> None:
    assert extract_json(text) == {"score": 61}


@pytest.mark.rule("R-LLM-06")
def test_braces_inside_strings_do_not_count() -> None:
    assert extract_json('{"reason": "a } and a { in \\"quotes\\""}') == {"reason": 'a } and a { in "quotes"'}


@pytest.mark.rule("R-LLM-06")
@pytest.mark.parametrize("text", ["", "no answer", "[1, 2]", '{"open": 1'])
def test_a_text_without_an_object_is_an_error(text: str) -> None:
    with pytest.raises(NoJsonError):
        extract_json(text)
