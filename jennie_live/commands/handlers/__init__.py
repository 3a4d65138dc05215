"""The commands, one module per kind; each handler takes the desk, the caller and the words, and answers in Korean."""

from jennie_live.commands.context import Handler
from jennie_live.commands.handlers import jobs, liquidation, lists, reads, stops, trades

HANDLERS: dict[str, Handler] = {
    "status": stops.status,
    "pause": stops.pause,
    "resume": stops.resume,
    "stop": stops.stop,
    "dryrun": stops.dryrun,
    "buy": trades.buy,
    "sell": trades.sell,
    "sellall": trades.sellall,
    "portfolio": reads.portfolio,
    "pnl": reads.pnl,
    "balance": reads.balance,
    "price": reads.price,
    "watchlist": reads.watchlist,
    "config": reads.config,
    "diagnose": reads.diagnose,
    "watch": lists.watch,
    "unwatch": lists.unwatch,
    "mute": lists.mute,
    "unmute": lists.unmute,
    "alert": lists.alert,
    "alerts": lists.alerts,
    "maxbuy": lists.maxbuy,
    "liquidate": liquidation.liquidate,
    "scout": jobs.scout,
    "council": jobs.council,
    "briefing": jobs.briefing,
}
