/** Foyer inside Stripe's Dashboard, on the SDK's own testing tools; what it asks of Foyer goes over HTTP, to nock. */
import nock from 'nock';
import { getMockContextProps, render } from '@stripe/ui-extension-sdk/testing';
import {
  Banner,
  ContextView,
  Link,
  ListItem,
  SettingsView,
  SignInView,
  Spinner,
} from '@stripe/ui-extension-sdk/ui';
import { type PaymentDetails, type UserInfo } from '../../src/stripe-app/contract';
import FoyerSettings from '../../src/stripe-app/extension/views/FoyerSettings';
import PaymentOrder from '../../src/stripe-app/extension/views/PaymentOrder';
import { atDashboard, leave, parts, press, settled, shown, wordsOf } from './shown-views';

const FOYER = 'https://tickets.example.org';
const WHO = { user_id: 'usr_ada', account_id: 'acct_engine', mode: 'live' };
const USER: UserInfo = {
  name: 'Ada Lovelace',
  email: 'ada@demo.example',
  organizers: [{ name: 'Analytical Society' }, { name: 'Notes & Bells' }],
  grantsUrl: `${FOYER}/account/applications`,
};
const money = (text: string, minor: string) => ({ text, minor, currency: 'eur' });
const DETAILS: PaymentDetails = {
  order: {
    reference: 'F7K2M9',
    status: { label: 'Partly refunded', tone: 'green' },
    url: `${FOYER}/organizer/orders/1`,
    placedAt: '2027-03-01T18:30:00.000Z',
  },
  buyer: { name: 'Grace Hopper', email: 'grace@demo.example' },
  event: {
    title: 'An evening with the engine',
    startsText: 'Fri 12 Mar 2027, 19:30, Berlin time',
    url: `${FOYER}/organizer/events/1`,
  },
  tickets: [
    { type: 'Stalls', status: 'valid', checkedInText: 'Fri 12 Mar 2027, 19:04, Berlin time' },
    { type: 'Stalls', status: 'valid', checkedInText: null },
    { type: 'Gallery', status: 'void', checkedInText: null },
  ],
  money: {
    paid: money('€62.50', '6250'),
    refunded: money('€12.50', '1250'),
    platformFee: money('€2.10', '210'),
  },
};

let signatures: string[];

beforeEach(() => {
  signatures = [];
  atDashboard(() => {
    signatures.push(`t=${signatures.length + 1},v1=canary`);
    return signatures.at(-1)!;
  });
});

afterEach(async () => {
  jest.restoreAllMocks();
  await leave();
  expect(nock.pendingMocks()).toEqual([]);
});

/** Stripe's context at a payment; `null` leaves the object of the page away. */
function at(object: { id: string; object: string } | null = { id: 'pi_1', object: 'payment_intent' }) {
  const context = getMockContextProps({
    userContext: { id: WHO.user_id, locale: 'en-GB', account: { id: WHO.account_id } },
    environment: { mode: 'live', constants: { foyer_url: FOYER }, objectContext: object ?? undefined },
  });
  return {
    ...context,
    userContext: { ...context.userContext, id: WHO.user_id, locale: 'en-GB' },
    environment: {
      ...context.environment,
      constants: { foyer_url: FOYER },
      objectContext: object,
    },
  };
}

/** Foyer answers one request for the path; it must be signed anew, named, and carry no cookie. */
function foyerAnswers(path: string, status: number, body?: object, method: 'get' | 'post' = 'get') {
  return nock(FOYER, { badheaders: ['cookie', 'authorization'] })
    [method](path)
    .query(WHO)
    .matchHeader('accept', 'application/json')
    .matchHeader('stripe-signature', (value) => String(value) === signatures.at(-1))
    .reply(status, body);
}

/** Timers of these lengths ring when the test says so, and not before. */
function holdTimers(lengths: number[]) {
  const held = new Map<unknown, { length: number; ring: () => void }>();
  const real = { setTimeout, clearTimeout };
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(((ring: () => void, length?: number) => {
    const handle = real.setTimeout(lengths.includes(length ?? 0) ? () => {} : ring, length);
    if (lengths.includes(length ?? 0)) held.set(handle.unref(), { length: length!, ring });
    return handle;
  }) as typeof setTimeout);
  jest.spyOn(globalThis, 'clearTimeout').mockImplementation((handle) => {
    held.delete(handle);
    real.clearTimeout(handle as NodeJS.Timeout);
  });
  const waiting = (length: number) => [...held].filter(([, timer]) => timer.length === length);
  return {
    count: (length: number) => waiting(length).length,
    ring(length: number) {
      const [handle, timer] = waiting(length)[0]!;
      held.delete(handle);
      timer.ring();
    },
  };
}

describe('beside a payment', () => {
  const path = '/api/payments/pi_1';

  test('the first call shows that it is under way, then the order', async () => {
    foyerAnswers(path, 200, DETAILS);
    const page = render(<PaymentOrder {...at()} />);
    expect(page.wrapper).toContainComponent(Spinner);
    await settled(page);
    const { wrapper } = page;
    expect(wrapper).not.toContainComponent(Spinner);
    expect(wrapper.find(ContextView)).toHaveProps({
      title: 'Order F7K2M9',
      description: 'An evening with the engine',
    });
    const shownParts = parts(wrapper.find(ContextView)!.instance);
    const ofType = (type: string) => shownParts.filter((part) => part.type === type);
    expect(ofType('Badge').map(({ text, props }) => [text, props.type])).toEqual([
      ['Partly refunded', 'positive'],
      ['Void', 'negative'],
    ]);
    expect(ofType('Button').map(({ props }) => [props.href, props.target])).toEqual([
      [DETAILS.order.url, '_blank'],
    ]);
    expect(wrapper).toContainText('Tickets (1 of 3 checked in)');
    const tickets = wrapper
      .findAll(ListItem)
      .map((item) => [item.prop('title'), item.prop('secondaryTitle')]);
    expect(tickets).toEqual([
      ['Stalls', 'Checked in Fri 12 Mar 2027, 19:04, Berlin time'],
      ['Stalls', 'Not checked in'],
      ['Gallery', 'Not checked in'],
    ]);
    const text = wordsOf(wrapper.find(ContextView)!.instance);
    for (const words of ['Grace Hopper', 'grace@demo.example', '€62.50', '€12.50', '€2.10', 'Berlin time'])
      expect(text).toContain(words);
  });

  test('a payment of somebody else’s shop is no error', async () => {
    foyerAnswers(path, 404, { error: { code: 'not_found', message: 'canary' } });
    const { wrapper } = await shown(<PaymentOrder {...at()} />);
    expect(wrapper).toContainText('This payment is not one of Foyer’s orders');
    expect(wrapper).not.toContainComponent(Banner);
  });

  test('a charge without a payment intent is told so without a request', async () => {
    const { wrapper } = await shown(<PaymentOrder {...at({ id: 'ch_1', object: 'charge' })} />);
    expect(wrapper).toContainText('This payment is not one of Foyer’s orders');
    expect(signatures).toEqual([]);
  });

  test.each([
    ['an unsigned request', 400, 'Reload this page.'],
    ['too many of them', 429, 'Wait a minute.'],
    ['a Stripe that is away', 502, 'Stripe can’t be reached.'],
  ])('%s is told in Foyer’s words, and asked again on request', async (_name, status, message) => {
    foyerAnswers(path, status, { error: { code: 'out_of_reach', message } });
    const page = await shown(<PaymentOrder {...at()} />);
    expect(page.wrapper.find(Banner)).toHaveProps({ description: message, type: 'critical' });
    foyerAnswers(path, 200, DETAILS);
    press(page.wrapper.find(Banner)!.instance, 'Try again');
    await settled(page);
    expect(page.wrapper.find(ContextView)).toHaveProps({ title: 'Order F7K2M9' });
    expect(signatures).toHaveLength(2);
  });

  test.each([
    ['a cut line', () => nock(FOYER).get(path).query(WHO).replyWithError('canary'), 'can’t be reached'],
    ['a page in between', () => nock(FOYER).get(path).query(WHO).reply(503, '<h1>canary</h1>'), '(503)'],
    ['a redirect', () => nock(FOYER).get(path).query(WHO).reply(303, '', { location: '/' }), 'can’t be'],
  ])('%s has words too', async (_name, fail, words) => {
    fail();
    const { wrapper } = await shown(<PaymentOrder {...at()} />);
    expect(wrapper.find(Banner)!.prop('description')).toContain(words);
    expect(wrapper.debug()).not.toContain('canary');
  });

  test.each([
    ['Foyer’s address', { environment: { ...at().environment, constants: {} } }, 'without the address'],
    ['the person', { userContext: { ...at().userContext, id: undefined } }, 'did not say who you are'],
  ])('where %s is missing, nothing is asked', async (_name, changed, words) => {
    const { wrapper } = await shown(<PaymentOrder {...at()} {...changed} />);
    expect(wrapper.find(Banner)!.prop('description')).toContain(words);
    expect(signatures).toEqual([]);
  });
});

describe('signing in', () => {
  const login = { url: `${FOYER}/oauth/authorize?state=once`, expiresIn: 600 };
  const signedOut = { error: { code: 'not_signed_in', message: 'Sign in.' } };

  async function atSignIn() {
    foyerAnswers('/api/payments/pi_1', 401, signedOut);
    foyerAnswers('/api/oauth/login', 200, login);
    return shown(<PaymentOrder {...at()} />);
  }

  test('leads to Foyer in a window of its own, and back by the button', async () => {
    const page = await atSignIn();
    expect(page.wrapper.find(SignInView)!.prop('primaryAction')).toMatchObject({
      label: 'Sign in to Foyer',
      href: login.url,
      target: '_blank',
    });
    foyerAnswers('/api/oauth/userinfo', 401, signedOut);
    press(page.wrapper.find(SignInView)!.instance, 'I have signed in');
    await settled(page);
    expect(wordsOf(page.wrapper.find(SignInView)!.instance)).toContain('Foyer has not seen you sign in yet');

    foyerAnswers('/api/oauth/userinfo', 200, USER);
    foyerAnswers('/api/payments/pi_1', 200, DETAILS);
    press(page.wrapper.find(SignInView)!.instance, 'I have signed in');
    await settled(page);
    expect(page.wrapper.find(ContextView)).toHaveProps({ title: 'Order F7K2M9' });
  });

  test('is noticed without the button, once it was begun; an address that is over is renewed', async () => {
    const timers = holdTimers([5_000, 600_000]);
    const page = await atSignIn();
    const action = () =>
      page.wrapper.find(SignInView)!.prop('primaryAction') as unknown as {
        href: string;
        onPress: () => void;
      };
    expect(timers.count(5_000)).toBe(0);

    foyerAnswers('/api/oauth/login', 200, { ...login, url: `${FOYER}/oauth/authorize?state=twice` });
    timers.ring(600_000);
    await settled(page);
    expect(action().href).toContain('state=twice');

    action().onPress();
    await settled(page);
    foyerAnswers('/api/oauth/userinfo', 401, signedOut);
    timers.ring(5_000);
    await settled(page);
    expect(page.wrapper).toContainComponent(SignInView);

    foyerAnswers('/api/oauth/userinfo', 200, USER);
    foyerAnswers('/api/payments/pi_1', 200, DETAILS);
    timers.ring(5_000);
    await settled(page);
    expect(page.wrapper.find(ContextView)).toHaveProps({ title: 'Order F7K2M9' });
    expect([timers.count(5_000), timers.count(600_000)]).toEqual([0, 0]);
  });

  test('that can’t be begun says so', async () => {
    foyerAnswers('/api/payments/pi_1', 401, signedOut);
    foyerAnswers('/api/oauth/login', 502, { error: { code: 'out_of_reach', message: 'Try in a minute.' } });
    const { wrapper } = await shown(<PaymentOrder {...at()} />);
    expect(wrapper.find(Banner)).toHaveProps({ description: 'Try in a minute.' });
  });
});

describe('the settings', () => {
  test('name who is signed in, and sign out', async () => {
    foyerAnswers('/api/oauth/userinfo', 200, USER);
    const page = await shown(<FoyerSettings {...at(null)} />);
    expect(page.wrapper).toContainComponent(SettingsView);
    const text = wordsOf(page.wrapper.find(SettingsView)!.instance);
    expect(text).toContain('Ada Lovelace (ada@demo.example)');
    expect(text).toContain('Analytical Society, Notes & Bells');
    expect(page.wrapper.find(Link)).toHaveProps({ href: USER.grantsUrl, target: '_blank' });

    foyerAnswers('/api/oauth/logout', 502, { error: { code: 'out_of_reach', message: 'Later.' } }, 'post');
    press(page.wrapper.find(SettingsView)!.instance, 'Sign out of Foyer');
    await settled(page);
    expect(page.wrapper.find(Banner)).toHaveProps({ description: 'Later.' });

    foyerAnswers('/api/oauth/logout', 204, undefined, 'post');
    foyerAnswers('/api/oauth/userinfo', 401, { error: { code: 'not_signed_in', message: 'Sign in.' } });
    foyerAnswers('/api/oauth/login', 200, { url: `${FOYER}/oauth/authorize?state=once`, expiresIn: 600 });
    press(page.wrapper.find(SettingsView)!.instance, 'Sign out of Foyer');
    await settled(page);
    expect(page.wrapper).toContainComponent(SignInView);
  });
});
