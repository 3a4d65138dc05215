import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { LiveProvider } from "./api/live";
import { App } from "./app";
import { Preferences } from "./preferences";
import "./styles.css";

const client = new QueryClient({ defaultOptions: { queries: { staleTime: 2_000, refetchOnWindowFocus: true } } });

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Preferences>
        <LiveProvider>
          <App />
        </LiveProvider>
      </Preferences>
    </QueryClientProvider>
  </StrictMode>,
);
