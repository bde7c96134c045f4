/**
 * Everything the simulator remembers: maps in memory, and a journal of JSON lines (`{table, id, row}`, `row: null` for a
 * removal) that is appended in the turn that made the change, replayed at start, and compacted by writing it anew. A last
 * line that a crash cut off is dropped; anything else that can't be read stops the start, so nothing is ever wiped.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type Stripe from 'stripe';
import { type Answer } from './refusal';

/** `account`: whom a row belongs to (the platform for application fees). */
type Row<Fields = unknown> = { id: string; account: string } & Fields;
type Holding<Object, Fields = unknown> = Row<{ object: Object } & Fields>;

export interface Payer {
  /** 'card', or a method that is paid later such as 'sepa_debit' */
  method: string;
  last4: string;
  name: string | null;
  email: string | null;
  threeDSecure: boolean;
}

export interface Tables {
  accounts: Holding<
    Stripe.Account,
    { publishableKey: string; insufficientBalance: boolean; slowRefunds?: boolean }
  >;
  connections: Row<{ scope: string; created: number; refreshToken: string }>;
  codes: Row<{ scope: string; expires: number; used: boolean }>;
  /** of the platform's Stripe App; the id is mode and account */
  installs: Row<{
    created: number;
    refreshToken: string;
    accessTokens: { token: string; expires: number }[];
  }>;
  installCodes: Row<{ livemode: boolean; expires: number; used: boolean }>;
  sessions: Holding<
    Stripe.Checkout.Session,
    { lineItems: Stripe.LineItem[]; feeAmount: number | null; intent: Partial<Stripe.PaymentIntent> }
  >;
  intents: Holding<Stripe.PaymentIntent, { session: string; payer: Payer }>;
  charges: Holding<Stripe.Charge>;
  refunds: Holding<Stripe.Refund>;
  disputes: Holding<Stripe.Dispute>;
  fees: Holding<Stripe.ApplicationFee>;
  transactions: Holding<Stripe.BalanceTransaction>;
  secrets: Holding<Stripe.Apps.Secret, { payload: string }>;
  /** what happens by time: a session (its id) expires, a delayed payment (its intent's id) ends; seconds */
  timers: Row<{ at: number; outcome?: 'success' | 'failure' }>;
  events: Holding<Stripe.Event>;
  /** nextAt: milliseconds of the simulator's clock; null: held until it is released */
  deliveries: Row<{ event: string; attempts: number; nextAt: number | null; lastResult: string | null }>;
  replies: Row<{ fingerprint: string; created: number; answer: Answer }>;
}
export type SimulatedAccount = Tables['accounts'];
export type SimulatedSecret = Tables['secrets'];
export type SimulatedSession = Tables['sessions'];
export type SimulatedIntent = Tables['intents'];
type TableName = keyof Tables;

const HEADER = '{"journal":"stripe-simulator","version":1}';

export function openState(file: string | null, log: (line: string) => void) {
  const tables = new Map<string, Map<string, Row>>();
  const byAccount = new Map<string, Set<string>>();
  const changed = new Map<string, { table: string; id: string }>();
  let journal: number | null = null;

  if (file !== null) {
    mkdirSync(dirname(file), { recursive: true });
    if (existsSync(file)) replay(file);
    journal = writeAnew(file);
  }

  function replay(path: string): void {
    const lines = readFileSync(path, 'utf8').split('\n');
    if (lines.pop()) log("The last line of the simulator's state was cut off by a crash and is left out.");
    lines.forEach((text, index) => {
      try {
        if (index === 0 && text !== HEADER) throw new Error('another kind of file');
        if (index === 0) return;
        const { table, id, row } = JSON.parse(text) as { table: string; id: string; row: Row | null };
        set(table, id, row);
      } catch (cause) {
        const message = `The simulator's state in ${path} can't be read (line ${index + 1}). It was left as it is; move it away to start empty.`;
        throw new Error(message, { cause });
      }
    });
    if (lines.length === 0)
      throw new Error(`The simulator's state in ${path} is not a journal. It was left as it is.`);
  }

  function writeAnew(path: string): number {
    const descriptor = openSync(`${path}.new`, 'w', 0o600);
    writeSync(descriptor, `${HEADER}\n`);
    for (const [table, rows] of tables)
      for (const row of rows.values()) writeSync(descriptor, line(table, row.id, row));
    fsyncSync(descriptor);
    renameSync(`${path}.new`, path);
    return descriptor;
  }

  function rowsOf(table: string): Map<string, Row> {
    if (!tables.has(table)) tables.set(table, new Map());
    return tables.get(table)!;
  }

  function set(table: string, id: string, row: Row | null): void {
    const rows = rowsOf(table);
    const owner = `${table}:${(row ?? rows.get(id))?.account}`;
    if (!byAccount.has(owner)) byAccount.set(owner, new Set());
    if (row) {
      rows.set(id, row);
      byAccount.get(owner)!.add(id);
    } else {
      rows.delete(id);
      byAccount.get(owner)!.delete(id);
    }
  }

  function change(table: string, id: string, row: Row | null): void {
    set(table, id, row);
    if (journal === null) return;
    if (changed.size === 0) queueMicrotask(flush);
    changed.set(`${table}:${id}`, { table, id });
  }

  /** Hands all changes to the operating system. Called before an answer leaves, so that no answer outlives its cause. */
  function flush(): void {
    if (journal === null || changed.size === 0) return;
    const text = [...changed.values()]
      .map(({ table, id }) => line(table, id, rowsOf(table).get(id) ?? null))
      .join('');
    changed.clear();
    writeSync(journal, text);
  }

  return {
    get: <N extends TableName>(table: N, id: string | null) =>
      rowsOf(table).get(id ?? '') as Tables[N] | undefined,
    all: <N extends TableName>(table: N) => [...rowsOf(table).values()] as Tables[N][],
    oldest: <N extends TableName>(table: N) => rowsOf(table).values().next().value as Tables[N] | undefined,
    count: (table: TableName) => rowsOf(table).size,
    /** an account's rows, newest first */
    listFor: <N extends TableName>(table: N, account: string) =>
      [...(byAccount.get(`${table}:${account}`) ?? [])]
        .reverse()
        .map((id) => rowsOf(table).get(id) as Tables[N]),
    put<N extends TableName>(table: N, row: Tables[N]): Tables[N] {
      change(table, row.id, row);
      return row;
    },
    remove(table: TableName, id: string): void {
      if (rowsOf(table).has(id)) change(table, id, null);
    },
    flush,
    close(): void {
      flush();
      if (journal !== null) closeSync(journal);
      journal = null;
    },
  };
}
export type State = ReturnType<typeof openState>;

function line(table: string, id: string, row: Row | null): string {
  return `${JSON.stringify({ table, id, row })}\n`;
}
