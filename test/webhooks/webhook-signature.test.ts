import { isSignedByStripe, readStripeEvent } from '../../src/stripe/webhook-signature';
import { anEvent, FORMER_SECRET, SECRET, signatureOf } from './signed-events';

const BODY = JSON.stringify(anEvent({ id: 'evt_1' }));
const OTHER = 'whsec_ofAnotherEndpoint';
const now = () => Math.floor(Date.now() / 1000);
const minutes = (count: number) => now() + count * 60;
const v1 = (header: string) => /v1=\w+/.exec(header)![0];

describe('a signature', () => {
  const oneByteChanged = BODY.replace('evt_1', 'evt_2');
  const good = signatureOf(BODY);
  const table: [string, string, string | undefined, boolean][] = [
    ['of this body with our secret', BODY, good, true],
    ['with the secret before the rotation', BODY, signatureOf(BODY, { secret: FORMER_SECRET }), true],
    [
      'with both secrets, the unknown first',
      BODY,
      `${signatureOf(BODY, { secret: OTHER })},${v1(good)}`,
      true,
    ],
    ['with both secrets, ours first', BODY, `${good},${v1(signatureOf(BODY, { secret: OTHER }))}`, true],
    ['four minutes old', BODY, signatureOf(BODY, { timestamp: minutes(-4) }), true],
    ['four minutes ahead', BODY, signatureOf(BODY, { timestamp: minutes(4) }), true],
    ['that is missing', BODY, undefined, false],
    ['that is empty', BODY, '', false],
    ['with the secret of another endpoint', BODY, signatureOf(BODY, { secret: OTHER }), false],
    ['of the scheme v0 alone', BODY, signatureOf(BODY, { scheme: 'v0' }), false],
    ['of a body that differs in one byte', oneByteChanged, good, false],
    ['of another body', BODY, signatureOf('{}'), false],
    ['of this body with a space more', `${BODY} `, good, false],
    ['with another time than was signed', BODY, good.replace(/t=\d+/, `t=${now() - 1}`), false],
    ['six minutes old', BODY, signatureOf(BODY, { timestamp: minutes(-6) }), false],
    ['six minutes ahead', BODY, signatureOf(BODY, { timestamp: minutes(6) }), false],
    ['a day ahead', BODY, signatureOf(BODY, { timestamp: minutes(24 * 60) }), false],
    [
      'a day ahead, hidden behind a good time',
      BODY,
      `t=${now()},${signatureOf(BODY, { timestamp: minutes(24 * 60) })}`,
      false,
    ],
    ['without a time', BODY, v1(good), false],
    ['with a time in words', BODY, good.replace(/t=\d+/, 't=now'), false],
    ['with a negative time', BODY, good.replace(/t=/, 't=-'), false],
    ['with nothing but a time', BODY, `t=${now()}`, false],
    ['with an empty v1', BODY, `t=${now()},v1=`, false],
    ['in capitals', BODY, good.toUpperCase(), false],
    ['cut short', BODY, good.slice(0, -1), false],
    ['of 100 kB of commas', BODY, ','.repeat(100_000), false],
  ];

  it.each(table)('%s', (_name, body, header, accepted) => {
    expect(isSignedByStripe(Buffer.from(body), header, [SECRET, FORMER_SECRET])).toBe(accepted);
  });

  it('is nobody’s where there is no secret', () => {
    expect(isSignedByStripe(Buffer.from(BODY), good, [])).toBe(false);
    expect(isSignedByStripe(Buffer.from(BODY), signatureOf(BODY, { secret: ' ' }), [''])).toBe(false);
  });
});

describe('the envelope of an event', () => {
  it('is read', () => {
    expect(readStripeEvent(anEvent({ id: 'evt_1', created: 1_795_000_000 }))).toEqual({
      id: 'evt_1',
      type: 'checkout.session.completed',
      account: 'acct_1Unknown',
      livemode: false,
      createdAt: new Date(1_795_000_000_000),
      object: { id: 'cs_test_unknown', object: 'checkout.session' },
    });
  });

  it.each([
    ['nothing', null],
    ['text', 'evt_1'],
    ['a list', [anEvent()]],
    ['an object of the API', { id: 'cs_1', object: 'checkout.session' }],
    ['a thin event of API v2', anEvent({ object: 'v2.core.event' })],
    ['an id that is none', anEvent({ id: '../x' })],
    ['an id of 10 kB', anEvent({ id: 'e'.repeat(10_000) })],
    ['an id with a NUL', anEvent({ id: 'evt_\0' })],
    ['a type that is a list', anEvent({ type: ['a'] })],
    ['a type with a NUL', anEvent({ type: 'a\0' })],
  ])('is not read from %s', (_name, payload) => {
    expect(readStripeEvent(payload)).toBeNull();
  });

  it.each([
    ['no account', { account: undefined }, { account: null }],
    ['an account that is a number', { account: 7 }, { account: null }],
    ['an account with a NUL', { account: 'acct_1\0' }, { account: null }],
    ['an account of 10 kB', { account: `acct_${'x'.repeat(10_000)}` }, { account: null }],
    ['an account that is none', { account: "acct_1' OR 1=1" }, { account: null }],
    ['a mode in words', { livemode: 'true' }, { livemode: false }],
    ['no time', { created: undefined }, { createdAt: new Date(0) }],
    ['a time before the world', { created: -1e300 }, { createdAt: new Date(0) }],
    ['a time after it', { created: 1e300 }, { createdAt: new Date('2100-01-01') }],
    ['no data', { data: undefined }, { object: {} }],
    ['data of another kind', { data: [] }, { object: {} }],
    ['an object of another kind', { data: { object: 'cs_1' } }, { object: {} }],
    ['no object', { data: { object: null } }, { object: {} }],
  ])('stands %s', (_name, fields, expected) => {
    expect(readStripeEvent(anEvent(fields))).toMatchObject(expected);
  });
});
