"""The live frame: pushed on /ws once a second, and served once for a page that cannot hold a web socket."""

import asyncio

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from jennie_live.dashboard.context import Context
from jennie_live.dashboard.frame import build_frame
from jennie_live.dashboard.hub import Viewer
from jennie_live.dashboard.schemas.operation import LiveFrame

router = APIRouter(tags=["live"])


@router.get("/api/live")
async def live(context: Context) -> LiveFrame:
    """One frame of now."""
    return await build_frame(context)


@router.websocket("/ws")
async def stream(socket: WebSocket, context: Context) -> None:
    """Frames at 1 Hz, the newest only; what the page sends is read and left."""
    await socket.accept()
    viewer = context.hub.join()
    try:
        await socket.send_text((await build_frame(context)).model_dump_json())
        reader = asyncio.create_task(_until_gone(socket))
        writer = asyncio.create_task(_send(socket, viewer))
        done, pending = await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*done, *pending, return_exceptions=True)
    except WebSocketDisconnect:
        return
    finally:
        context.hub.leave(viewer)


async def _until_gone(socket: WebSocket) -> None:
    while True:
        await socket.receive_text()


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    while True:
        await socket.send_text(await viewer.next())
