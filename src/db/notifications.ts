/** LISTEN on a connection of its own, for what other processes have committed. Only a hint: it may break off unseen for a while. */
import { Client } from 'pg';

const TRY_AGAIN_MS = 5_000;

/** Calls `onMessage` for each notification, and with null when some may have been missed. Answers how to end it. */
export function listenTo(
  url: string,
  channel: string,
  onMessage: (payload: string | null) => void,
): { close(): Promise<void> } {
  let closed = false;
  let client: Client | null = null;
  let retry: NodeJS.Timeout | undefined;
  let connecting: Promise<void> = connect();

  async function connect(): Promise<void> {
    const mine = new Client({ connectionString: url, application_name: 'foyer listener', keepAlive: true });
    client = mine;
    mine.on('notification', ({ payload }) => onMessage(payload ?? null));
    mine.on('error', () => again(mine));
    mine.on('end', () => again(mine));
    try {
      await mine.connect();
      await mine.query(`LISTEN ${mine.escapeIdentifier(channel)}`);
      onMessage(null);
    } catch {
      again(mine);
    }
  }

  function again(lost: Client): void {
    if (closed || client !== lost) return;
    client = null;
    onMessage(null);
    lost.end().catch(() => {});
    retry = setTimeout(() => (connecting = connect()), TRY_AGAIN_MS).unref();
  }

  return {
    async close() {
      closed = true;
      clearTimeout(retry);
      await connecting;
      await client?.end().catch(() => {});
    },
  };
}
