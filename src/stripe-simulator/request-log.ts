/** What the app sent, for tests to look at. Secrets are never kept. */
export interface LoggedRequest {
  at: number;
  method: string;
  path: string;
  account: string | null;
  idempotencyKey: string | null;
  fault: string | null;
  params: Record<string, string>;
  /** null while there is no answer; 0 when the connection was cut instead */
  status: number | null;
}

const KEPT = 10_000;
const SECRET_PARAMS = ['client_secret', 'code', 'refresh_token', 'payload'];

export function createRequestLog() {
  let entries: LoggedRequest[] = [];
  return {
    add(entry: Omit<LoggedRequest, 'params' | 'status'>, pairs: [string, string][]): LoggedRequest {
      const shown = pairs.map(([name, value]) => [name, SECRET_PARAMS.includes(name) ? '(hidden)' : value]);
      const logged = { ...entry, params: Object.fromEntries(shown) as Record<string, string>, status: null };
      entries.push(logged);
      if (entries.length > KEPT * 2) entries = entries.slice(-KEPT);
      return logged;
    },
    list: () => entries.slice(-KEPT),
    clear(): void {
      entries = [];
    },
  };
}
export type RequestLog = ReturnType<typeof createRequestLog>;
