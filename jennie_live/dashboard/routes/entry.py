"""Logging in with a one-time link, logging out, and who this is."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from jennie_core.domain.enums import Mode
from jennie_infra.login import LoginUnavailableError, redeem_login_token
from jennie_live.common.web import version
from jennie_live.dashboard.context import Context
from jennie_live.dashboard.schemas.operation import Identity
from jennie_live.dashboard.session import COOKIE, LIFE_SECONDS

router = APIRouter()

_PAGE = """<!doctype html><html lang="ko"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>jennie</title><style>body{{font:16px/1.6 system-ui,"Nanum Gothic",sans-serif;max-width:34rem;margin:18vh auto;
padding:0 1.2rem;color:#1c2430;background:#fff}}code{{background:#eef1f5;padding:.15em .4em;border-radius:4px}}
@media(prefers-color-scheme:dark){{body{{color:#e3e8ef;background:#0e131a}}code{{background:#1c2430}}}}</style>
<h1 style="font-size:1.3rem">{title_ko}</h1><p>{next_ko}</p><p lang="en">{title_en} {next_en}</p></html>"""


@router.get("/login", include_in_schema=False)
async def login(context: Context, token: str = "") -> Response:
    """Exchange a one-time token for a session cookie."""
    try:
        accepted = bool(token) and await redeem_login_token(context.runtime.redis, token)
    except LoginUnavailableError:
        return _say(
            503,
            "로그인 링크를 확인할 수 없습니다.",
            "Redis가 응답하지 않습니다. <code>jennie status</code>로 확인한 뒤 같은 링크를 다시 여세요.",
            "The link cannot be checked.",
            "Redis does not answer: see <code>jennie status</code>, then open the same link again.",
        )
    if not accepted:
        return _say(
            403,
            "이 로그인 링크는 이미 쓰였거나 만료되었습니다.",
            "링크는 10분 동안 한 번만 쓸 수 있습니다. <code>jennie login</code>으로 새 링크를 만드세요.",
            "This login link was used or has expired.",
            "Run <code>jennie login</code> for a new one.",
        )
    answer = RedirectResponse("/", status_code=303)
    public = context.settings.public_url or ""
    answer.set_cookie(
        COOKIE,
        context.sessions.issue(),
        max_age=LIFE_SECONDS,
        httponly=True,
        samesite="strict",
        secure=public.startswith("https://"),
        path="/",
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/api/logout", status_code=204)
async def logout() -> Response:
    """Forget the session in this browser."""
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/api/me")
async def me(context: Context) -> Identity:
    """Mode and version; the first question of the page."""
    settings = context.settings
    return Identity(
        mode=settings.mode.value,
        simulated=settings.mode is Mode.REHEARSAL,
        real_market_data=not settings.simulated_prices,
        version=version(),
        settings_hash=context.runtime.trading.settings_hash(),
        halt_blocks_exits=settings.halt_blocks_exits,
        dagster_url=settings.effective_dagster_url,
    )


def _say(status: int, title_ko: str, next_ko: str, title_en: str, next_en: str) -> HTMLResponse:
    page = _PAGE.format(title_ko=title_ko, next_ko=next_ko, title_en=title_en, next_en=next_en)
    return HTMLResponse(page, status_code=status, headers={"Cache-Control": "no-store"})
