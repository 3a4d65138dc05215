"""command-handler (8091): Telegram commands in, notices and alarms out; trading never waits for it."""
