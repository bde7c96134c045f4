/**
 * Everything the simulator remembers: maps in memory, and a journal of JSON lines (`{table, id, row}`, `row: null` for a
 * removal) that is appended in the turn that made the change, replayed at start, and compacted by writing it anew. A line
 * that was cut off by a crash is dropped; anything else that can't be read stops the start, so nothing is ever wiped.
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

/** `account` is the account that an object belongs to (the platform's own for application fees). */
interface Row {
  id: string;
  account: string;
}

export interface SimulatedAccount extends Row {
  object: Stripe.Account;
  publishableKey: string;
  /** refunds answer `balance_insufficient` while set */
  insufficientBalance: boolean;
}
export interface Connection extends Row {
  scope: string;
  created: number;
  refreshToken: string;
}
export interface AuthorizationCode extends Row {
  scope: string;
  expires: number;
  used: boolean;
}
export interface SimulatedSession extends Row {
  object: Stripe.Checkout.Session;
  lineItems: Stripe.LineItem[];
  feeAmount: number | null;
  intent: { metadata: Record<string, string>; description: string | null; receiptEmail: string | null };
}
export interface SimulatedIntent extends Row {
  object: Stripe.PaymentIntent;
  session: string;
  payer: Payer;
}
export interface Payer {
  /** 'card', or a method that is paid later such as 'sepa_debit' */
  method: string;
  last4: string;
  name: string | null;
  email: string | null;
  threeDSecure: boolean;
}
export interface SimulatedRefund extends Row {
  object: Stripe.Refund;
  feeRefunded: number;
}
/** What happens by time: a session (by its id) expires, a delayed payment (by its intent's id) ends. Seconds. */
export interface Timer extends Row {
  at: number;
  outcome?: 'success' | 'failure';
}
export interface Delivery extends Row {
  event: string;
  attempts: number;
  /** milliseconds of the simulator's clock; null: held until it is released */
  nextAt: number | null;
  lastResult: string | null;
}
export interface Reply extends Row {
  fingerprint: string;
  created: number;
  answer: Answer;
}
interface Owned<T> extends Row {
  object: T;
}

export interface Tables {
  accounts: SimulatedAccount;
  connections: Connection;
  codes: AuthorizationCode;
  sessions: SimulatedSession;
  intents: SimulatedIntent;
  charges: Owned<Stripe.Charge>;
  refunds: SimulatedRefund;
  fees: Owned<Stripe.ApplicationFee>;
  transactions: Owned<Stripe.BalanceTransaction>;
  timers: Timer;
  events: Owned<Stripe.Event>;
  deliveries: Delivery;
  replies: Reply;
}
type TableName = keyof Tables;

const HEADER = '{"journal":"stripe-simulator","version":1}';
const TABLE_NAMES: TableName[] = [
  'accounts',
  'connections',
  'codes',
  'sessions',
  'intents',
  'charges',
  'refunds',
  'fees',
  'transactions',
  'timers',
  'events',
  'deliveries',
  'replies',
];

export function openState(file: string | null, log: (line: string) => void) {
  const rows = new Map<TableName, Map<string, Row>>(TABLE_NAMES.map((name) => [name, new Map()]));
  const byAccount = new Map<string, Set<string>>();
  const changed = new Map<string, { table: TableName; id: string }>();
  let journal: number | null = null;
  let flushPlanned = false;

  if (file !== null) {
    mkdirSync(dirname(file), { recursive: true });
    if (existsSync(file)) replay(file);
    journal = writeAnew(file);
  }

  function replay(path: string): void {
    const lines = readFileSync(path, 'utf8').split('\n');
    const tail = lines.pop();
    if (lines[0] !== HEADER) throw corrupt(path, 1);
    if (tail) log('The last line of the simulator state was cut off by a crash and is left out.');
    lines.slice(1).forEach((line, index) => {
      let entry: { table: TableName; id: string; row: Row | null };
      try {
        entry = JSON.parse(line) as typeof entry;
      } catch {
        throw corrupt(path, index + 2);
      }
      if (!rows.has(entry.table) || typeof entry.id !== 'string') throw corrupt(path, index + 2);
      set(entry.table, entry.id, entry.row);
    });
  }

  function writeAnew(path: string): number {
    const descriptor = openSync(`${path}.new`, 'w', 0o600);
    writeSync(descriptor, `${HEADER}\n`);
    for (const [table, all] of rows)
      for (const row of all.values()) writeSync(descriptor, line(table, row.id, row));
    fsyncSync(descriptor);
    renameSync(`${path}.new`, path);
    return descriptor;
  }

  function set(table: TableName, id: string, row: Row | null): void {
    const all = rows.get(table)!;
    const key = `${table}:${(row ?? all.get(id))?.account}`;
    if (row === null) {
      all.delete(id);
      byAccount.get(key)?.delete(id);
      return;
    }
    all.set(id, row);
    if (!byAccount.has(key)) byAccount.set(key, new Set());
    byAccount.get(key)!.add(id);
  }

  function note(table: TableName, id: string): void {
    if (journal === null) return;
    changed.set(`${table}:${id}`, { table, id });
    if (flushPlanned) return;
    flushPlanned = true;
    queueMicrotask(flush);
  }

  /** Hands all changes to the operating system. Called before an answer leaves, so that no answer outlives its cause. */
  function flush(): void {
    flushPlanned = false;
    if (journal === null || changed.size === 0) return;
    let text = '';
    for (const { table, id } of changed.values()) text += line(table, id, rows.get(table)!.get(id) ?? null);
    changed.clear();
    writeSync(journal, text);
  }

  return {
    get: <N extends TableName>(table: N, id: string) => rows.get(table)!.get(id) as Tables[N] | undefined,
    all: <N extends TableName>(table: N) => [...rows.get(table)!.values()] as Tables[N][],
    count: (table: TableName) => rows.get(table)!.size,
    oldest: <N extends TableName>(table: N) =>
      rows.get(table)!.values().next().value as Tables[N] | undefined,
    /** newest first */
    listFor: <N extends TableName>(table: N, account: string) =>
      [...(byAccount.get(`${table}:${account}`) ?? [])]
        .reverse()
        .map((id) => rows.get(table)!.get(id) as Tables[N]),
    put<N extends TableName>(table: N, row: Tables[N]): Tables[N] {
      set(table, row.id, row);
      note(table, row.id);
      return row;
    },
    remove(table: TableName, id: string): void {
      if (!rows.get(table)!.has(id)) return;
      set(table, id, null);
      note(table, id);
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

function line(table: TableName, id: string, row: Row | null): string {
  return `${JSON.stringify({ table, id, row })}\n`;
}

function corrupt(path: string, lineNumber: number): Error {
  return new Error(
    `The simulator's state in ${path} can't be read (line ${lineNumber}). It was left as it is. Move it away to start empty.`,
  );
}
