import fc from 'fast-check';
import { newId } from '../../src/lib/ids';
import { createTestApp, type TestApp } from '../support/test-app';
import { anEvent, deliver, FORMER_SECRET, signatureOf } from './signed-events';

let testApp: TestApp;
beforeAll(async () => {
  testApp = await createTestApp();
});
afterAll(() => testApp.close());

const stored = (id: string) => testApp.db('stripe_events').where({ id }).first();
const countStored = async () => Number((await testApp.db('stripe_events').count('* as n').first())!.n);
const jobsOf = async (id: string) =>
  (
    await testApp.db.raw('SELECT task_identifier FROM graphile_worker.jobs WHERE key = ?', [
      `stripe-event-${id}`,
    ])
  ).rows;

describe('an event with a good signature', () => {
  it('is stored with a job to work it off, before Stripe is answered', async () => {
    const event = anEvent({ type: 'charge.refunded', created: 1_795_000_000 });
    const answer = await deliver(testApp, event);

    expect(answer.status).toBe(200);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(await stored(event.id)).toMatchObject({
      account: 'acct_1Unknown',
      type: 'charge.refunded',
      livemode: false,
      created_at: new Date(1_795_000_000_000),
      payload: event,
      deliveries: 1,
      attempts: 0,
      processed_at: null,
    });
    expect(await jobsOf(event.id)).toEqual([{ task_identifier: 'work_off_stripe_event' }]);
  });

  it('counts once when it comes fifty times at once', async () => {
    const event = anEvent();
    const answers = await Promise.all(Array.from({ length: 50 }, () => deliver(testApp, event)));

    expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(200));
    expect(await stored(event.id)).toMatchObject({ deliveries: 50, processed_at: null });
    expect(await jobsOf(event.id)).toHaveLength(1);
    await testApp.runJobs();
    expect(await stored(event.id)).toMatchObject({ attempts: 1, outcome: expect.stringMatching(/^ignored/) });
  });

  it('is not worked off again when it comes after that', async () => {
    const event = anEvent();
    await deliver(testApp, event);
    await testApp.runJobs();
    const before = await stored(event.id);

    expect((await deliver(testApp, event)).status).toBe(200);
    expect(await jobsOf(event.id)).toEqual([]);
    await testApp.runJobs();
    expect(await stored(event.id)).toEqual({ ...before, deliveries: 2 });
  });

  it('is taken with the secret of before the rotation', async () => {
    const event = anEvent();
    const answer = await deliver(
      testApp,
      event,
      signatureOf(JSON.stringify(event), { secret: FORMER_SECRET }),
    );
    expect(answer.status).toBe(200);
    expect(await stored(event.id)).toBeDefined();
  });

  it('is verified over the bytes that came, however they are spaced', async () => {
    const event = anEvent();
    expect((await deliver(testApp, JSON.stringify(event, null, 4))).status).toBe(200);
    expect(await stored(event.id)).toBeDefined();
  });

  it('that is a replay of a captured delivery is refused once it is old', async () => {
    const event = anEvent();
    const old = signatureOf(JSON.stringify(event), { timestamp: Math.floor(Date.now() / 1000) - 600 });
    expect((await deliver(testApp, event, old)).status).toBe(400);
    expect(await stored(event.id)).toBeUndefined();
  });
});

describe('what is not signed by Stripe for us', () => {
  it.each([
    ['has no header', () => null],
    ['has the secret of another endpoint', (body: string) => signatureOf(body, { secret: 'whsec_other' })],
    ['has a signature of the scheme v0', (body: string) => signatureOf(body, { scheme: 'v0' })],
    ['has the signature of another body', () => signatureOf('{}')],
    [
      'is signed in the future',
      (body: string) => signatureOf(body, { timestamp: Math.floor(Date.now() / 1000) + 360 }),
    ],
  ])('is refused and not stored when it %s', async (_name, headerOf) => {
    const before = await countStored();
    const event = anEvent({ type: 'canary.inTheBody' });
    const answer = await deliver(testApp, event, headerOf(JSON.stringify(event)));

    expect(answer.status).toBe(400);
    expect(await countStored()).toBe(before);
    expect(testApp.logs()).not.toMatch(/canary|v1=|whsec_/);
  });

  it('is refused when one byte was changed on the way', async () => {
    const event = anEvent();
    const body = JSON.stringify(event);
    const answer = await deliver(
      testApp,
      body.replace('"livemode":false', '"livemode":true '),
      signatureOf(body),
    );
    expect(answer.status).toBe(400);
    expect(await stored(event.id)).toBeUndefined();
  });

  it('is refused when there is no body', async () => {
    const answer = await testApp.agent().post('/webhooks/stripe').set('Stripe-Signature', signatureOf('{}'));
    expect(answer.status).toBe(400);
  });

  it('is refused when it is larger than a megabyte', async () => {
    const event = anEvent({ data: { object: { id: 'cs_1', text: 'x'.repeat(1_100_000) } } });
    expect((await deliver(testApp, event)).status).toBe(413);
    expect(await stored(event.id)).toBeUndefined();
  });

  it('can not be asked for', async () => {
    expect((await testApp.agent().get('/webhooks/stripe')).status).toBe(404);
  });
});

describe('what is signed and still strange', () => {
  const cases: [string, Record<string, unknown>][] = [
    ['an account that nobody connected', { account: 'acct_1NobodyKnows' }],
    ['no account', { account: undefined }],
    ['an account that is a number', { account: 7 }],
    ['an account with a NUL', { account: 'acct_1\0' }],
    ['an account too long for an index', { account: `acct_${randomText(9000)}` }],
    ['the mode that we have no keys for', { livemode: true }],
    ['a mode in words', { livemode: 'no' }],
    ['a type that we do not use', { type: 'invoice.finalized' }],
    ['a type that is a name of JavaScript', { type: 'constructor' }],
    ['another such type', { type: '__proto__' }],
    ['an unknown API version', { api_version: '2031-01-01.fennel' }],
    ['no data', { data: undefined }],
    ['data that is null', { data: null }],
    ['an object that is null', { data: { object: null } }],
    ['an object that is a list', { data: { object: [] } }],
    ['an object without fields', { data: { object: {} } }],
    ['an object of another kind', { data: { object: { id: 'ch_1', object: 'charge' } } }],
    ['an id that is a number', { data: { object: { id: 7 } } }],
    ['an id that is an object', { data: { object: { id: { id: 'cs_1' } } } }],
    ['an id of 9 kB', { data: { object: { id: randomText(9000) } } }],
    ['a NUL in a string', { data: { object: { id: 'cs_\0', client_reference_id: '\0' } } }],
    ['half a letter in a string', { data: { object: { id: 'cs_\ud83c', name: '\udfbb' } } }],
    ['a NUL and half a letter in a name', { data: { object: { id: 'cs_1', 'a\0b': 1, '\ud83c': 2 } } }],
    ['__proto__ as a name', { data: JSON.parse('{"object":{"id":"cs_1","__proto__":{"id":"cs_2"}}}') }],
    ['no time', { created: undefined }],
    ['a time beyond time', { created: 1e21 }],
    ['a refund without a payment', { type: 'charge.refunded', data: { object: { id: 'ch_1' } } }],
    ['an account that changed', { type: 'account.updated', data: { object: { id: 'acct_1Unknown' } } }],
    [
      'the end of an unknown connection',
      { type: 'account.application.deauthorized', data: { object: { id: 'ca_platformOfTheTests' } } },
    ],
    [
      'the end of a connection of another application',
      { type: 'account.application.deauthorized', data: { object: { id: 'ca_other' } } },
    ],
    [
      'a session that names an order of nobody',
      { data: { object: { id: 'cs_1', client_reference_id: newId() } } },
    ],
    ['a session that names no order', { data: { object: { id: 'cs_1', client_reference_id: "' OR 1=1" } } }],
  ];

  it.each(cases)('%s: taken, and worked off without an effect', async (_name, fields) => {
    const event = anEvent(fields);
    const answer = await deliver(testApp, event);
    expect(answer.status).toBe(200);
    expect(await testApp.runJobs()).toEqual([]);
    expect(await stored(event.id)).toMatchObject({
      attempts: 1,
      processed_at: expect.any(Date),
      outcome: expect.stringMatching(/^(ignored: |no living connection)/),
      last_error: null,
    });
  });

  it.each([
    ['of a type that we do not use', { type: 'invoice.finalized' }, 'ignored: not a type we use'],
    ['of the platform itself', { account: undefined }, 'ignored: not of a connected account'],
    ['of another mode', { livemode: true }, 'ignored: not our mode'],
    ['of a payment that is not ours', {}, 'ignored: no payment of ours'],
    ['of an account that is not connected', { type: 'account.updated' }, 'ignored: not connected here'],
    [
      'of another application',
      { type: 'account.application.deauthorized', data: { object: { id: 'ca_other' } } },
      'ignored: another application',
    ],
  ])('%s: the inbox says why nothing was done', async (_name, fields, outcome) => {
    const event = anEvent(fields);
    await deliver(testApp, event);
    await testApp.runJobs();
    expect(await stored(event.id)).toMatchObject({ outcome });
  });

  it.each([
    ['a thin event of API v2', anEvent({ object: 'v2.core.event' })],
    ['an object of the API', anEvent({ object: 'checkout.session' })],
    ['an id that is none', anEvent({ id: 'evt 1' })],
    ['a list', '[]'],
    ['nothing', 'null'],
    ['no JSON', 'evt_1'],
    ['JSON that is cut off', '{"id":"evt_1"'],
  ])('%s: taken, or Stripe would send it for days, and not stored', async (_name, body) => {
    const before = await countStored();
    const answer = await deliver(testApp, body as string);
    expect([answer.status, answer.body]).toEqual([200, { received: true, ignored: true }]);
    expect(await countStored()).toBe(before);
  });

  it('stores what Postgres can hold of what was sent', async () => {
    const event = anEvent({ data: { object: { id: 'cs_1', 'na\0me': 'NUL\0 and \ud83c' } } });
    await deliver(testApp, event);
    expect((await stored(event.id)).payload.data.object).toEqual({ id: 'cs_1', name: 'NUL and \ufffd' });
  });

  it('never answers with 500, whatever is signed', async () => {
    const codeUnit = fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit));
    const text = fc.string({
      unit: fc.oneof(codeUnit, fc.constantFrom('\0', '\ud83c', 'a', '_')),
      maxLength: 20,
    });
    const json = fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' });
    const field = fc.oneof(json, text, fc.constantFrom('acct_1', 'cs_1', 'event', true, 1e308));
    const envelope = fc.record(
      {
        object: fc.oneof({ weight: 5, arbitrary: fc.constant('event') }, { weight: 1, arbitrary: field }),
        id: fc.oneof(
          { weight: 5, arbitrary: fc.uuid().map((id) => `evt_${id}`) },
          { weight: 1, arbitrary: field },
        ),
        type: fc.oneof(
          {
            weight: 5,
            arbitrary: fc.constantFrom(
              'checkout.session.completed',
              'charge.refunded',
              'account.updated',
              'account.application.deauthorized',
            ),
          },
          { weight: 1, arbitrary: field },
        ),
        account: field,
        livemode: field,
        created: fc.oneof(fc.double(), field),
        data: fc.oneof(
          field,
          fc.record({
            object: fc.oneof(
              field,
              fc.dictionary(text, field),
              fc.record({ id: field, client_reference_id: field, payment_intent: field }),
            ),
          }),
        ),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(envelope, json), async (body) => {
        expect((await deliver(testApp, JSON.stringify(body))).status).toBe(200);
      }),
      { numRuns: 150 },
    );
    expect(await testApp.runJobs()).toEqual([]);
    expect(await testApp.db('stripe_events').whereNull('processed_at').select('type', 'last_error')).toEqual(
      [],
    );
  });
});

describe('an event that can not be finished now', () => {
  it('keeps why, and is hurried by a second delivery', async () => {
    const connection = await anActiveConnection('acct_1Known');
    const event = anEvent({ type: 'account.updated', account: 'acct_1Known' });
    await deliver(testApp, event);
    // Nothing listens where this app looks for Stripe.
    expect(await testApp.runJobs()).toHaveLength(1);
    expect(await stored(event.id)).toMatchObject({
      attempts: 1,
      processed_at: null,
      last_error: expect.stringMatching(/can not be asked/),
    });
    expect(await testApp.runJobs()).toHaveLength(0); // it waits for its next turn

    expect((await deliver(testApp, event)).status).toBe(200);
    expect(await testApp.runJobs()).toHaveLength(1);
    expect(await stored(event.id)).toMatchObject({ attempts: 2, deliveries: 2, processed_at: null });
    expect(await testApp.db('stripe_connections').where({ id: connection }).first()).toMatchObject({
      status: 'active',
      last_event_at: expect.any(Date),
    });
  });
});

async function anActiveConnection(account: string): Promise<string> {
  const [id, organizerId] = [newId(), newId()];
  await testApp.db('organizers').insert({
    id: organizerId,
    slug: organizerId,
    name: 'Analytical Society',
    contact_email: 'ada@people.example',
  });
  await testApp.db('stripe_connections').insert({
    id,
    organizer_id: organizerId,
    stripe_user_id: account,
    livemode: false,
    scope: 'read_write',
    charges_enabled: true,
  });
  return id;
}

/** Text that does not compress: an index would not take it. */
function randomText(length: number): string {
  return Array.from({ length }, () => Math.random().toString(36)[2]).join('');
}
