/** The live frame: one web socket for the whole page, opened again with growing pauses. */
import { createContext, useContext, useEffect, useState, type ReactNode } from "react";
import { get, type Schemas } from "./client";

export type Frame = Schemas["LiveFrame"];
export type Link = "connecting" | "open" | "lost" | "refused";

const LiveContext = createContext<{ frame: Frame | null; link: Link }>({ frame: null, link: "connecting" });

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;
const REFUSED = 4401;

export function LiveProvider({ children }: { children: ReactNode }) {
  const [frame, setFrame] = useState<Frame | null>(null);
  const [link, setLink] = useState<Link>("connecting");

  useEffect(() => {
    let socket: WebSocket | null = null;
    let timer: number | undefined;
    let pause = FIRST_PAUSE;
    let gone = false;

    const again = () => {
      if (gone) return;
      timer = window.setTimeout(open, pause);
      pause = Math.min(LONGEST_PAUSE, pause * 2);
    };
    const open = () => {
      const scheme = location.protocol === "https:" ? "wss" : "ws";
      socket = new WebSocket(`${scheme}://${location.host}/ws`);
      socket.onmessage = (event: MessageEvent<string>) => {
        pause = FIRST_PAUSE;
        setLink("open");
        setFrame(JSON.parse(event.data) as Frame);
      };
      socket.onclose = (event) => {
        if (gone) return;
        setLink(event.code === REFUSED ? "refused" : "lost");
        void get("/api/me").then(
          () => setLink("lost"),
          (error: { status?: number }) => setLink(error.status === 401 ? "refused" : "lost"),
        );
        again();
      };
    };
    open();
    return () => {
      gone = true;
      window.clearTimeout(timer);
      socket?.close();
    };
  }, []);

  return <LiveContext value={{ frame, link }}>{children}</LiveContext>;
}

export function useLive() {
  return useContext(LiveContext);
}
