import express from 'express';
import supertest from 'supertest';
import { newId } from '../../src/lib/ids';
import { createIdTokens, newSecretToken } from '../../src/lib/tokens';
import { createTicketCodes } from '../../src/lib/ticket-codes';
import { createLogger, requestLog, safeError, safePath } from '../../src/http/request-log';
import { createTestApp } from '../support/test-app';
import { postForm, signUp } from '../support/people';
import { deliver, anEvent } from '../webhooks/signed-events';

const orderTokens = createIdTokens(['a-secret-of-this-test-and-no-other'], 'order-address');
const ticketCodes = createTicketCodes(['a-secret-of-this-test-and-no-other']);

/** One of each kind of secret, as it would stand in a message. */
const SECRETS: Record<string, string> = {
  'a secret key': 'sk_test_canary0123456789',
  'a live secret key': 'sk_live_canary0123456789',
  'a restricted key': 'rk_live_canary0123456789',
  'a publishable key': 'pk_test_canary0123456789',
  'a webhook secret': 'whsec_canary0123456789',
  'an authorization code': 'ac_canary0123456789',
  'a refresh token': 'rt_canary0123456789',
  'an order’s token': orderTokens.sign(newId()),
  'a ticket’s code': ticketCodes.sign({ id: newId(), eventId: newId() }),
  'a state': newSecretToken(),
  // no word boundary is there
  'a state that begins with a dash': `-${newSecretToken().slice(1)}`,
};

describe('a path in the log', () => {
  it.each([
    ['/', '/'],
    ['/events/a-lecture', '/events/a-lecture'],
    [
      '/organizer/events/0193a5c0-0123-7456-89ab-cdef01234567',
      '/organizer/events/0193a5c0-0123-7456-89ab-cdef01234567',
    ],
    ['/stripe/callback?code=ac_canary&state=canary', '/stripe/callback'],
    ['/orders/canary', '/orders/…'],
    ['/orders/canary/payment?returned=1', '/orders/…/payment'],
    ['/tickets/canary', '/tickets/…'],
    ['/ORDERS/canary/payment', '/ORDERS/…/payment'],
    ['//orders/canary', '//orders/…'],
    ['?token=canary', ''],
  ])('%s is %s', (url, path) => {
    expect(safePath(url)).toBe(path);
  });

  it.each(Object.entries(SECRETS))('has no trace of %s, wherever it stands', (_name, secret) => {
    for (const url of [
      `/orders/${secret}`,
      `/ORDERS/${secret}/x`,
      `/elsewhere/${secret}`,
      `/x?${secret}`,
      `/${'x/'.repeat(140)}${secret}`,
    ])
      expect(traceOf(secret, safePath(url))).toBeNull();
  });

  it('is bounded', () => {
    expect(safePath(`/${'a/'.repeat(10_000)}`).length).toBeLessThanOrEqual(300);
  });
});

describe('an error in the log', () => {
  it.each(Object.entries(SECRETS))('has no trace of %s', (_name, secret) => {
    const error = Object.assign(new Error(`Invalid: '${secret}', sorry`), {
      code: `bad ${secret}`,
      requestId: 'req_1',
      config: { headers: { Authorization: secret } },
      raw: { message: secret },
      request: { body: secret },
      response: { body: secret },
      detail: `Key (token)=(${secret}) already exists.`,
      cause: new Error(`because of ${secret}`, { cause: secret }),
    });
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => lines.push(line) });
    logger.error({ err: error });
    logger.error({ error });
    logger.error({ err: secret });
    expect(lines).toHaveLength(3);
    expect(traceOf(secret, lines.join(''))).toBeNull();
  });

  it('keeps what one needs to find the fault', () => {
    const error = Object.assign(new RangeError('out of range', { cause: new Error('the reason') }), {
      code: '23505',
      constraint: 'orders_reference_unique',
      statusCode: 400,
    });
    expect(safeError(error)).toEqual({
      type: 'RangeError',
      message: 'out of range',
      stack: expect.stringContaining('request-log.test.ts'),
      code: '23505',
      constraint: 'orders_reference_unique',
      statusCode: 400,
      cause: expect.objectContaining({ message: 'the reason' }),
    });
  });

  const ring = new Error('a ring');
  ring.cause = ring;
  it.each([
    ['that is its own cause', ring],
    ['without a message', Object.assign(new Error(), { message: undefined })],
    ['with a message that is no text', Object.assign(new Error(), { message: { a: 1 } })],
    ['that is nothing', undefined],
    ['that is null', null],
    ['that can not be made text', Object.create(null)],
    ['that is a symbol', Symbol('x')],
  ])('%s is written all the same', (_name, error) => {
    const lines: string[] = [];
    createLogger('info', { write: (line) => lines.push(line) }).error({ err: error }, 'it happened');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'it happened' });
  });
});

describe('requests in the log', () => {
  it('have their path and status, and nothing that was sent', async () => {
    const lines: string[] = [];
    const app = express();
    app.use(requestLog(createLogger('trace', { write: (line) => lines.push(line) })));
    app.use(express.urlencoded({ extended: false }));
    app.post('/form', (_req, res) => res.set('X-Secret', 'canary').status(422).send('canary'));
    await supertest(app)
      .post('/form?token=canary')
      .set('Cookie', 'sid=canary')
      .set('Authorization', 'Bearer canary')
      .set('Referer', 'https://canary.example')
      .set('User-Agent', 'canary')
      .type('form')
      .send({ password: 'canary' });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      req: { method: 'POST', path: '/form' },
      res: { status: 422 },
    });
    expect(lines[0]).not.toContain('canary');
  });

  it('of the whole app, at its most talkative, tell no secret', async () => {
    const testApp = await createTestApp({ config: { logLevel: 'trace' } });
    const token = testApp.dependencies.orderTokens.sign(newId());
    const agent = testApp.agent();
    const person = await signUp(testApp, { password: 'canary password of four words' });
    await postForm(agent, '/sign-in', { email: person.email, password: 'canary wrong password' });
    await person.agent.get(
      `/stripe/callback?code=ac_canary&state=${'canary'.repeat(8)}&error_description=canary`,
    );
    await agent.get(`/orders/${token}`).set('Cookie', 'sid=canary');
    await agent
      .post(`/orders/${token}/payment`)
      .type('form')
      .send({ name: 'canary', email: 'canary@people.example' });
    await agent.get(`/Orders/${token}/calendar.ics`);
    await agent.get(`/tickets/${testApp.dependencies.ticketCodes.sign({ id: newId(), eventId: newId() })}`);
    await agent.get('/nowhere?sk_test_canary');
    await deliver(testApp, anEvent({ data: { object: { id: 'canary' } } }), 't=1,v1=canary');
    await deliver(testApp, anEvent({ data: { object: { id: 'cs_canary', name: 'canary' } } }));
    await testApp.runJobs();
    const logs = testApp.logs();
    await testApp.close();

    expect(logs.split('\n').length).toBeGreaterThan(12);
    expect(logs).not.toMatch(/canary|state=|v1=|set-cookie|foyer\.sid/i);
    expect(logs).not.toContain(token.slice(0, 20));
    for (const secret of [
      ...testApp.dependencies.config.sessionSecrets,
      'sk_test_platformOfTheTests',
      'whsec_',
    ])
      expect(logs).not.toContain(secret);
  });
});

/** The piece of a secret, of twelve characters or more, that stands in a text. */
function traceOf(secret: string, text: string): string | null {
  for (let at = 0; at + 12 <= secret.length; at += 1)
    if (text.includes(secret.slice(at, at + 12))) return secret.slice(at, at + 12);
  return null;
}
