import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Harness, startHarness } from './harness';

let harness: Harness;
let account: string;
beforeEach(async () => {
  harness = await startHarness();
  account = await harness.connectedAccount();
  await harness.event('account.application.authorized');
  harness.received.length = 0;
});
afterEach(() => harness.close());

const change = (charges_enabled: boolean) => harness.control(`/accounts/${account}`, { charges_enabled });
const types = () => harness.received.map(({ type }) => type);

describe('webhooks', () => {
  it('are tried again after a refusal, a failure and a redirect, as the same event', async () => {
    harness.refusals.push(500, 302, 404);
    await change(false);
    for (const offsetSeconds of [2, 8, 60]) {
      await harness.until(async () => (await pending())[0]?.attempts, 'a failed attempt');
      await new Promise((resolve) => setTimeout(resolve, 250));
      await harness.control('/clock', { offsetSeconds });
    }
    const event = await harness.event('account.updated');
    expect(types()).toEqual(['account.updated']);
    expect(event.pending_webhooks).toBe(1);
    await harness.until(async () => (await pending()).length === 0, 'the end of the deliveries');
    const listed = await harness.stripe.events.list({ type: 'account.updated' }, { stripeAccount: account });
    expect(listed.data).toMatchObject([{ id: event.id, pending_webhooks: 0 }]);
  });

  it('are given up after three days', async () => {
    harness.refusals.push(500, 500);
    await change(false);
    await harness.until(async () => (await pending())[0]?.attempts === 1, 'a failed attempt');
    await harness.control('/clock', { offsetSeconds: 3 * 24 * 3600 + 10 });
    await harness.until(async () => (await pending()).length === 0, 'giving up');
    expect(types()).toEqual([]);
  });

  it('come twice when they are doubled', async () => {
    await harness.control('/webhooks', { mode: 'double' });
    await change(false);
    await harness.until(() => harness.received.length === 2, 'two deliveries');
    expect(new Set(harness.received.map(({ id }) => id)).size).toBe(1);
  });

  it('come in reverse, or when they are released', async () => {
    await harness.control('/webhooks', { mode: 'reversed', ms: 100 });
    await change(false);
    await harness.control(`/accounts/${account}/revoke`, {});
    await harness.until(() => harness.received.length === 2, 'two deliveries');
    expect(types()).toEqual(['account.application.deauthorized', 'account.updated']);

    harness.received.length = 0;
    await harness.control('/webhooks', { mode: 'hold' });
    await harness.control(`/accounts/${account}/connect`, {});
    await change(true);
    expect(types()).toEqual([]);
    expect(await harness.control('/webhooks/release', {})).toEqual({ released: 2 });
    expect(types()).toEqual(['account.application.authorized', 'account.updated']);
  });

  it('do not come when they are muted, and events remain readable', async () => {
    await harness.control('/webhooks', { mode: 'muted' });
    await change(false);
    const { events } = await harness.control<{ events?: { id: string }[] }>('/webhooks').then(async () => ({
      events: (await harness.stripe.events.list({ type: 'account.updated' }, { stripeAccount: account }))
        .data,
    }));
    expect(await pending()).toEqual([]);
    await harness.control('/webhooks', { mode: 'normal' });
    await harness.control(`/events/${events![0]!.id}/resend`, {});
    expect((await harness.event('account.updated')).id).toBe(events![0]!.id);
  });

  it('do not tell of accounts that are not connected', async () => {
    const other = await harness.control<{ id: string }>('/accounts', { email: 'other@example.com' });
    await harness.control(`/accounts/${other.id}`, { charges_enabled: false });
    await change(false);
    await harness.event('account.updated');
    expect(harness.received.map((event) => event.account)).toEqual([account]);
  });

  it('carry any event that a test makes up', async () => {
    await harness.control('/events', {
      type: 'charge.dispute.created',
      account,
      object: { id: 'dp_1', object: 'dispute' },
      created: 1,
      livemode: true,
    });
    expect(await harness.event('charge.dispute.created')).toMatchObject({
      account,
      created: 1,
      livemode: true,
      data: { object: { id: 'dp_1' } },
    });
  });
});

describe('the state on disk', () => {
  let folder: string;
  let stateFile: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'simulator-'));
    stateFile = join(folder, 'nested', 'state.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const params = {
    mode: 'payment' as const,
    line_items: [
      { price_data: { currency: 'eur', unit_amount: 4500, product_data: { name: 'Seat' } }, quantity: 1 },
    ],
    payment_intent_data: { application_fee_amount: 225 },
    success_url: 'http://localhost:3000/',
  };

  it('orphans nothing over a restart', async () => {
    const before = await startHarness({ stateFile });
    const owner = await before.connectedAccount();
    const options = { stripeAccount: owner, idempotencyKey: 'k1' };
    const session = await before.stripe.checkout.sessions.create(params, options);
    const waiting = await before.stripe.checkout.sessions.create(params, { stripeAccount: owner });
    await before.control(`/sessions/${session.id}/pay`, {});
    const ledger = await before.control('/ledger');
    await before.control('/webhooks', { mode: 'hold' });
    await before.control(`/accounts/${owner}`, { charges_enabled: false });
    await before.close();

    const after = await startHarness({ stateFile });
    try {
      expect(await after.control('/ledger')).toEqual(ledger);
      expect((await after.stripe.checkout.sessions.create(params, options)).id).toBe(session.id);
      expect((await after.stripe.accounts.retrieve(owner)).charges_enabled).toBe(false);
      expect((await after.event('account.updated')).account).toBe(owner);
      await after.control(`/sessions/${waiting.id}/pay`, {});
      expect(
        (await after.stripe.checkout.sessions.retrieve(waiting.id, {}, { stripeAccount: owner }))
          .payment_status,
      ).toBe('paid');
    } finally {
      await after.close();
    }
    expect(statSync(stateFile).mode & 0o777).toBe(0o600);
  });

  it('is on disk before an answer leaves', async () => {
    const first = await startHarness({ stateFile });
    try {
      const owner = await first.connectedAccount();
      const session = await first.stripe.checkout.sessions.create(params, { stripeAccount: owner });
      expect(readFileSync(stateFile, 'utf8')).toContain(session.id);
    } finally {
      await first.close();
    }
  });

  it('drops a last line that was cut off, and nothing else', async () => {
    const first = await startHarness({ stateFile });
    const owner = await first.connectedAccount();
    await first.close();
    appendFileSync(stateFile, '{"table":"accounts","id":"acct_half","ro');
    const second = await startHarness({ stateFile });
    expect((await second.stripe.accounts.retrieve(owner)).id).toBe(owner);
    await second.close();
  });

  it.each([
    ['another kind of file', () => 'hello\n'],
    ['no journal at all', () => 'hello'],
    [
      'a broken line in the middle',
      () => `${readFileSync(stateFile, 'utf8')}garbage\n{"table":"codes","id":"x","row":null}\n`,
    ],
  ])('stops the start, and is left as it was, when it is %s', async (_what, content) => {
    await (await startHarness({ stateFile })).close();
    const broken = content();
    writeFileSync(stateFile, broken);
    await expect(startHarness({ stateFile })).rejects.toThrow(/can't be read|not a journal/);
    expect(readFileSync(stateFile, 'utf8')).toBe(broken);
  });
});

async function pending() {
  return (await harness.control<{ pending: { attempts: number; nextAt: number }[] }>('/webhooks')).pending;
}
