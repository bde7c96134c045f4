/** Every page in its main states: valid HTML, nothing that axe-core complains of, the headers that its kind needs. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HtmlValidate, StaticConfigLoader } from 'html-validate';
import { Secret, TOTP } from 'otpauth';
import { createBrowser } from '../support/browser';
import { formsOf } from '../support/html';
import { EVENT, type Market, openMarket, PASSWORD } from '../support/market';
import { openDashboard } from '../stripe-app/dashboard';
import { addressOf, TABLE } from './route-table';
import { type Answer, buildWorld, createVisitor, type Role, type World } from './world';

/** Not pages: programs, calendars and browsers' <img> read them. */
const NO_PAGES = [
  'GET /oauth/whoami',
  'GET /api/oauth/userinfo',
  'GET /api/oauth/login',
  'GET /api/payments/:id',
  'GET /api/events',
  'GET /api/orders',
  'GET /healthz',
  'GET /readyz',
  'GET /events/:slug/calendar.ics',
  'GET /events/:slug/poster.svg',
  'GET /events/:slug/share.png',
  'GET /orders/:token/calendar.ics',
  'GET /orders/:token/tickets.pdf',
  'GET /sitemap.xml',
  'GET /robots.txt',
  'GET /organizer/events/:id/orders.csv',
  'GET /organizer/events/:id/check-in/counts',
  'GET /admin/audit.csv',
  'GET /organizer/payout-preview',
];
/** The same for all: no cookie, and a cache may keep it. */
const PUBLIC = [
  'GET /',
  'GET /events/:slug',
  'GET /events/:slug/calendar.ics',
  'GET /events/:slug/poster.svg',
  'GET /events/:slug/share.png',
  'GET /organizers/:slug',
  'GET /organizers/:slug/terms',
  'GET /sitemap.xml',
  'GET /robots.txt',
];
/** A mail as its reader's program shows it: styles inline, in a sandboxed frame of ours. */
const MAIL = 'GET /dev/mail/:id/html';

type Open = (world: World, market: Market) => Promise<Answer>;
interface State {
  route: string;
  name: string;
  status: number;
  open: Open;
}

/** Before anybody has made anything. */
const EMPTY: State[] = [];
/** With all that the walked world holds. In this order: what ends something stands last. */
const FILLED: State[] = [];

const empty = (route: string, role: 'guest' | 'newcomer' | 'organizer' | 'admin') =>
  EMPTY.push({
    route,
    name: `nothing there yet, as ${role}`,
    status: 200,
    open: (_world, market) => newcomers[role]!(market).send('GET', route.slice(4)),
  });

const get = (route: string, role: Role, name = 'as it is', path?: (world: World) => string, status = 200) =>
  FILLED.push({
    route,
    name: `${name}, as ${role}`,
    status,
    open: (world) => world.visitor(role).send('GET', path ? path(world) : addressOf(route, world, role)),
  });

/** What comes back when the form of this page is sent with mistakes. */
const mistakes = (
  route: string,
  role: Role,
  post: string,
  fields: Record<string, string> | ((world: World) => Record<string, string>),
  status = 422,
) =>
  FILLED.push({
    route,
    name: `sent with mistakes (${status}), as ${role}`,
    status,
    open: (world) =>
      world.visitor(role).send('POST', addressOf(post, world, role), {
        fields: typeof fields === 'function' ? fields(world) : fields,
      }),
  });

empty('GET /', 'guest');
empty('GET /dev/mail', 'guest');
empty('GET /organizer/organizers/new', 'newcomer');
for (const page of ['', '/events', '/events/new', '/payments']) empty(`GET /organizer${page}`, 'organizer');
for (const page of [
  '',
  '/connections',
  '/needs-attention',
  '/users',
  '/organizers',
  '/events',
  '/mails',
  '/reports',
  '/health',
  '/webhooks',
  '/audit',
])
  empty(`GET /admin${page}`, 'admin');

get('GET /', 'guest');
get('GET /', 'guest', 'a search without result', () => '/?q=zither');
get('GET /', 'guest', 'narrowed', () => '/?q=engine&when=month&place=library&price=paid');
get('GET /orders/:token/receipt', 'buyer');
mistakes('GET /orders/:token', 'buyer', 'POST /orders/:token/name', { name: '' });
get('GET /covers/:name', 'guest', 'no such picture', () => '/covers/none-wide.webp', 404);
get('GET /find-my-tickets', 'guest');
get('GET /find-my-tickets', 'guest', 'asked for', () => '/find-my-tickets?sent=1');
mistakes('GET /find-my-tickets', 'guest', 'POST /find-my-tickets', { email: 'no address' });
get('GET /events/:slug', 'guest');
get('GET /organizers/:slug', 'guest');
get('GET /organizers/:slug', 'guest', 'no events', () => '/organizers/difference-club');
get('GET /organizers/:slug/terms', 'guest');
get('GET /organizers/:slug/terms', 'guest', 'none', () => '/organizers/difference-club/terms', 404);
get('GET /events/:slug', 'guest', 'with a code', ({ slug }) => `/events/${slug}?code=friends`);
get('GET /events/:slug', 'guest', 'with a code of nobody', ({ slug }) => `/events/${slug}?code=nobody`, 422);
mistakes('GET /events/:slug', 'guest', 'POST /events/:slug/orders', {});
mistakes(
  'GET /events/:slug',
  'guest',
  'POST /events/:slug/orders',
  ({ typeId }) => ({ [`quantity.${typeId}`]: 'ten' }),
  400,
);
get('GET /orders/:token', 'buyer', 'paid');
get('GET /orders/:token', 'buyer', 'held', ({ tokens }) => `/orders/${tokens.held}`);
get('GET /orders/:token', 'buyer', 'at Stripe', ({ tokens }) => `/orders/${tokens.atStripe}`);
mistakes('GET /orders/:token', 'buyer', 'POST /orders/:token/payment', { name: '', email: 'no address' });
get('GET /orders/:token', 'buyer', 'answered', ({ tokens }) => `/orders/${tokens.paid}?answered=1`);
mistakes('GET /orders/:token', 'buyer', 'POST /orders/:token/answers', {});
get('GET /orders/:token/payment', 'buyer', 'leads on');
FILLED.push({
  route: 'GET /orders/:token/payment',
  name: 'waits for Stripe, as buyer',
  status: 200,
  async open(world) {
    await world.market.control('POST', '/faults', {
      fault: 'status',
      status: 503,
      match: { method: 'POST', path: '/v1/checkout/sessions' },
    });
    const path = addressOf('POST /orders/:token/payment', world, 'buyer');
    const fields = await TABLE['POST /orders/:token/payment']!.fields!(world);
    await world.visitor('buyer').send('POST', path, { fields });
    return world.visitor('buyer').send('GET', path);
  },
});
FILLED.push({
  route: 'GET /orders/:token/payment',
  name: 'in the queue, as buyer',
  status: 200,
  async open(world) {
    await world
      .db('payment_attempts')
      .where({ status: 'created' })
      .update({ unanswered_sends: 0, first_sent_at: null });
    const page = await world
      .visitor('buyer')
      .send('GET', addressOf('POST /orders/:token/payment', world, 'buyer'));
    expect(page.text).toMatch(/Before you Nobody Until your turn/);
    return page;
  },
});
FILLED.push({
  route: 'GET /orders/:token',
  name: 'given back, as buyer',
  status: 200,
  async open(world) {
    await world.visitor('buyer').send('POST', `/orders/${world.tokens.toRelease}/release`);
    return world.visitor('buyer').send('GET', `/orders/${world.tokens.toRelease}`);
  },
});
get('GET /orders/:token/cancellation', 'buyer', 'what goes back');
get(
  'GET /orders/:token/cancellation',
  'buyer',
  'not to be',
  ({ tokens }) => `/orders/${tokens.held}/cancellation`,
);
mistakes('GET /orders/:token/cancellation', 'buyer', 'POST /orders/:token/cancellation', { key: 'x' });
get('GET /tickets/:code', 'buyer');

for (const page of ['/dev/mail', '/dev/mail/:id', '/dev/mail/:id/html', '/dev/components'])
  get(`GET ${page}`, 'guest');
for (const way of ['authorise', 'authorize'])
  get(`GET /api/oauth/${way}`, 'guest', 'too old', () => `/api/oauth/${way}?state=old&code=old`, 400);
get('GET /api/oauth/signed-in', 'guest');
FILLED.push({
  route: 'GET /api/oauth/authorise',
  name: 'not allowed, as guest',
  status: 200,
  async open(world, market) {
    const { body } = await openDashboard(market.baseUrl, 'acct_1Walked').ask('/api/oauth/login');
    const state = new URL(body.url).searchParams.get('state')!;
    const query = new URLSearchParams({ error: 'access_denied', state });
    return world.visitor('guest').send('GET', `/api/oauth/authorise?${query}`);
  },
});
for (const page of ['/sign-up', '/sign-in']) {
  get(`GET ${page}`, 'guest');
  mistakes(`GET ${page}`, 'guest', `POST ${page}`, { email: 'no address', next: '/organizer' });
}
mistakes('GET /sign-in', 'guest', 'POST /sign-in', { email: 'nobody@example.com', password: 'not this one' });
get('GET /confirm-password', 'member');
mistakes('GET /confirm-password', 'member', 'POST /confirm-password', { password: 'not this one' });

get('GET /stripe-app', 'guest');
get('GET /stripe-app', 'member');
get('GET /stripe-app/callback', 'guest', 'not begun here', () => '/stripe-app/callback?state=x&code=y', 400);
mistakes('GET /stripe-app', 'guest', 'POST /stripe-app/installations', { mode: 'sideways' });
FILLED.push({
  route: 'GET /stripe-app',
  name: 'leads on to Stripe, as guest',
  status: 200,
  open: (world) => world.visitor('guest').send('POST', '/stripe-app/installations'),
});

get('GET /forgotten-password', 'guest');
get('GET /forgotten-password', 'guest', 'sent', () => '/forgotten-password?sent=1');
mistakes('GET /forgotten-password', 'guest', 'POST /forgotten-password', { email: 'no address' });
get('GET /password-resets/:token', 'guest');
get('GET /password-resets/:token', 'guest', 'used up', () => '/password-resets/x', 404);
mistakes('GET /password-resets/:token', 'guest', 'POST /password-resets/:token', { password: 'short' });
for (const page of ['', '/email', '/password', '/closure', '/two-factor'])
  get(`GET /account${page}`, 'member', page === '/closure' ? 'the last owner' : undefined);
get('GET /account', 'colleague', 'not confirmed');
mistakes('GET /account', 'member', 'POST /account/name', { name: '' });
get('GET /oauth/authorize', 'member');
get('GET /oauth/authorize', 'admin', 'no organizer');
get('GET /oauth/authorize', 'colleague', 'not confirmed', undefined, 403);
get('GET /oauth/authorize', 'guest', 'an unknown app', () => '/oauth/authorize?client_id=nobody', 400);
FILLED.push({
  route: 'GET /oauth/authorize',
  name: 'allowed, as member',
  status: 200,
  async open(world) {
    const fields = await TABLE['POST /oauth/authorize']!.fields!(world);
    return world.visitor('member').send('POST', '/oauth/authorize', { fields });
  },
});
get('GET /account', 'member', 'an app let in');
mistakes('GET /account/email', 'member', 'POST /account/email', { email: 'no address' });
mistakes('GET /account/password', 'member', 'POST /account/password', { password: 'short' });
get('GET /account/closure', 'admin', 'nothing in the way');
mistakes('GET /account/closure', 'admin', 'POST /account/closure', { password: 'not this one' });
get('GET /account/email-confirmations/:token', 'colleague');
get('GET /account/email-confirmations/:token', 'member', 'of somebody else', undefined, 404);
FILLED.push({
  route: 'GET /account/two-factor',
  name: 'being set up, as other',
  status: 200,
  async open(world) {
    await world.visitor('other').send('POST', '/account/two-factor/setup');
    return world.visitor('other').send('GET', '/account/two-factor');
  },
});
mistakes('GET /account/two-factor', 'other', 'POST /account/two-factor', { code: '000000' });
FILLED.push({
  route: 'GET /account/two-factor',
  name: 'the recovery codes, as other',
  status: 200,
  async open(world) {
    const { html } = await world.visitor('other').send('GET', '/account/two-factor');
    const secret = /<code[^>]*>([A-Z2-7 ]+)<\/code>/.exec(html)![1]!.replaceAll(' ', '');
    const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate();
    return world.visitor('other').send('POST', '/account/two-factor', { fields: { code } });
  },
});
get('GET /account/two-factor', 'other', 'on');
FILLED.push({
  route: 'GET /sign-in/code',
  name: 'after the password, as other',
  status: 200,
  async open(world, market) {
    const { email } = await world
      .db('users')
      .whereIn('id', world.db('two_factor').select('user_id'))
      .first('email');
    const visitor = createVisitor(market);
    await visitor.send('POST', '/sign-in', { fields: { email, password: PASSWORD } });
    return visitor.send('GET', '/sign-in/code');
  },
});

get('GET /organizer', 'member');
get('GET /organizer', 'other', 'a draft and no account');
get('GET /organizer/organizers/new', 'member');
mistakes('GET /organizer/organizers/new', 'member', 'POST /organizer/organizers', { name: '', website: 'x' });
get('GET /organizer/organizers/:id/edit', 'member');
mistakes('GET /organizer/organizers/:id/edit', 'member', 'POST /organizer/organizers/:id/edit', { name: '' });
for (const show of ['upcoming', 'past', 'cancelled'])
  get('GET /organizer/events', 'member', show, () => `/organizer/events?show=${show}`);
get('GET /organizer/events/new', 'member');
get(
  'GET /organizer/events/new',
  'member',
  'a draft',
  ({ draftId }) => `/organizer/events/new?draft=${draftId}`,
);
mistakes('GET /organizer/events/new', 'member', 'POST /organizer/events', {
  title: '',
  starts_at: 'soon',
  'tickets.0.name': 'One',
  'tickets.0.kind': 'paid',
  'tickets.0.price': '-3',
});
get('GET /organizer/events/:id', 'member', 'published');
get('GET /organizer/events/:id', 'member', 'a draft', ({ draftEvent }) => `/organizer/events/${draftEvent}`);
get('GET /organizer/events/:id/preview', 'member');
FILLED.push({
  route: 'GET /organizer/events/:id/change-notice',
  name: 'a new place, as member',
  status: 200,
  open: (world) => changeNotice(world, 'Mint Hall & Garden'),
});
FILLED.push({
  route: 'GET /organizer/events/:id/change-notice',
  name: 'sent with mistakes (422), as member',
  status: 422,
  async open(world) {
    const { html } = await changeNotice(world, 'Great Hall');
    const form = formsOf(html).find(({ action }) => action.endsWith('/change-notice'))!;
    const fields = { ...form.values, message: 'x'.repeat(1001) };
    return world.visitor('member').send('POST', form.action, { fields });
  },
});
FILLED.push({
  route: 'GET /organizer/events/:id',
  name: 'after people were told of a new place, as member',
  status: 200,
  async open(world) {
    const { html } = await changeNotice(world, 'Great Hall');
    const form = formsOf(html).find(({ action }) => action.endsWith('/change-notice'))!;
    const fields = { ...form.values, message: 'The roof leaks.' };
    await world.visitor('member').send('POST', form.action, { fields });
    return world.visitor('member').send('GET', `/organizer/events/${world.event}`);
  },
});
get('GET /orders/:token', 'buyer', 'in a new place');
FILLED.push({
  route: 'GET /organizer/drafts/:id/preview',
  name: 'of a form that was never saved, as member',
  status: 200,
  async open(world) {
    const member = world.visitor('member');
    const kept = await member.send('POST', '/organizer/events', { fields: { ...EVENT, action: 'preview' } });
    return member.send('GET', kept.location!);
  },
});
get('GET /organizer/events/:id/edit', 'member');
mistakes('GET /organizer/events/:id/edit', 'member', 'POST /organizer/events/:id/edit', { title: '' });
get('GET /organizer/events/:id/publication', 'member', 'can be published');
get(
  'GET /organizer/events/:id/publication',
  'other',
  'something is missing',
  ({ othersEvent }) => `/organizer/events/${othersEvent}/publication`,
);
FILLED.push({
  route: 'GET /organizer/events/:id/publication',
  name: 'refused (422), as other',
  status: 422,
  open: (world) => world.visitor('other').send('POST', `/organizer/events/${world.othersEvent}/publication`),
});
get('GET /organizer/events/:id/cancellation', 'member');
mistakes('GET /organizer/events/:id/cancellation', 'member', 'POST /organizer/events/:id/cancellation', {
  reason: '',
});
get('GET /organizer/events/:id/cover', 'member');
mistakes('GET /organizer/events/:id/cover', 'member', 'POST /organizer/events/:id/cover', {});
get('GET /organizer/events/:id/sales', 'member');
get(
  'GET /organizer/events/:id/sales',
  'member',
  'nothing sold',
  ({ draftEvent }) => `/organizer/events/${draftEvent}/sales`,
);
get('GET /organizer/events/:id/orders', 'member');
get(
  'GET /organizer/events/:id/orders',
  'member',
  'none',
  ({ draftEvent }) => `/organizer/events/${draftEvent}/orders`,
);
get('GET /organizer/events/:id/codes', 'member');
get(
  'GET /organizer/events/:id/codes',
  'member',
  'none',
  ({ draftEvent }) => `/organizer/events/${draftEvent}/codes`,
);
get('GET /organizer/events/:id/questions', 'member');
get(
  'GET /organizer/events/:id/questions',
  'member',
  'none yet',
  ({ toUnpublish }) => `/organizer/events/${toUnpublish}/questions`,
);
mistakes('GET /organizer/events/:id/questions', 'member', 'POST /organizer/events/:id/questions', {
  kind: 'one_of',
  label: '',
  options: 'Soup',
});
get('GET /organizer/events/:id/questions/:questionId', 'member');
mistakes(
  'GET /organizer/events/:id/questions/:questionId',
  'member',
  'POST /organizer/events/:id/questions/:questionId',
  { label: '' },
);
mistakes('GET /organizer/events/:id/codes', 'member', 'POST /organizer/events/:id/codes', {
  code: '?',
  value: 'ten',
});
get('GET /organizer/events/:id/self-cancellation', 'member');
mistakes(
  'GET /organizer/events/:id/self-cancellation',
  'member',
  'POST /organizer/events/:id/self-cancellation',
  { covers: '', until: '-1' },
);
get('GET /organizer/events/:id/messages', 'member');
get(
  'GET /organizer/events/:id/messages',
  'member',
  'none',
  ({ draftEvent }) => `/organizer/events/${draftEvent}/messages`,
);
mistakes('GET /organizer/events/:id/messages', 'member', 'POST /organizer/events/:id/messages', {
  subject: '',
  action: 'preview',
});
FILLED.push({
  route: 'GET /organizer/events/:id/messages',
  name: 'a message to look at, as member',
  status: 200,
  open: async (world) =>
    world.visitor('member').send('POST', `/organizer/events/${world.event}/messages`, {
      fields: {
        ...(await TABLE['POST /organizer/events/:id/messages']!.fields!(world)),
        action: 'test',
      },
    }),
});
get('GET /organizer/events/:id/messages/:messageId', 'member');
get('GET /organizer/events/:id/complimentary-orders/new', 'member');
get(
  'GET /organizer/events/:id/complimentary-orders/new',
  'member',
  'a draft',
  ({ draftEvent }) => `/organizer/events/${draftEvent}/complimentary-orders/new`,
);
mistakes(
  'GET /organizer/events/:id/complimentary-orders/new',
  'member',
  'POST /organizer/events/:id/complimentary-orders',
  { quantity: '0', name: '', email: 'x' },
);
get('GET /organizer/orders/:id/cancellation', 'member');
mistakes('GET /organizer/orders/:id/cancellation', 'member', 'POST /organizer/orders/:id/cancellation', {
  message: 'x'.repeat(501),
});
get('GET /organizer/orders/:id', 'member', 'complimentary', ({ giftId }) => `/organizer/orders/${giftId}`);
get('GET /organizer/orders/:id', 'member', 'paid');
for (const [what, ofOrder] of [
  ['paid', (of: World) => of.orderId],
  ['being refunded', (of: World) => of.orderOfStopped],
] as const) {
  get('GET /organizer/orders/:id', 'member', `refunds, ${what}`, (of) => `/organizer/orders/${ofOrder(of)}`);
  get(
    'GET /organizer/orders/:id/refunds/new',
    'member',
    what,
    (of) => `/organizer/orders/${ofOrder(of)}/refunds/new`,
  );
  get('GET /admin/orders/:id', 'admin', `refunds, ${what}`, (of) => `/admin/orders/${ofOrder(of)}`);
}
get('GET /admin/orders/:id/refunds/new', 'admin');
for (const [role, side] of [
  ['member', 'organizer'],
  ['admin', 'admin'],
] as const) {
  const at = (query: string) => (of: World) => `/${side}/orders/${of.orderId}/refunds/preview?${query}`;
  get(`GET /${side}/orders/:id/refunds/preview`, role, 'the whole order', at('scope=order'));
  get(`GET /${side}/orders/:id/refunds/preview`, role, 'a ticket', at('scope=tickets&ticket.1=1'));
  get(`GET /${side}/orders/:id/refunds/preview`, role, 'no amount', at('scope=amount&amount=ten'), 422);
  mistakes(`GET /${side}/orders/:id/refunds/preview`, role, `POST /${side}/orders/:id/refunds`, {
    scope: 'order',
    key: 'no key',
  });
}
get('GET /organizer/refunds/:id/tickets', 'member');
mistakes('GET /organizer/refunds/:id/tickets', 'member', 'POST /organizer/refunds/:id/tickets', {
  which: 'some',
});
get('GET /organizer/events/:id/refunds', 'member', 'before');
FILLED.push({
  route: 'GET /organizer/events/:id/refunds',
  name: 'on its way, as member',
  status: 200,
  async open(world) {
    const path = `/organizer/events/${world.cancelledEvent}/refunds`;
    await world.visitor('member').send('POST', path);
    return world.visitor('member').send('GET', path);
  },
});
get('GET /organizer/events/:id/check-in', 'member');
get(
  'GET /organizer/events/:id/check-in',
  'member',
  'found',
  ({ event }) => `/organizer/events/${event}/check-in?q=charles`,
);
get(
  'GET /organizer/events/:id/check-in',
  'member',
  'no tickets, none found',
  ({ draftEvent }) => `/organizer/events/${draftEvent}/check-in?q=zither`,
);
mistakes('GET /organizer/events/:id/check-in', 'member', 'POST /organizer/events/:id/check-in', {});
for (const which of ['good', 'unknown'])
  FILLED.push({
    route: 'GET /organizer/events/:id/check-in',
    name: `an answer: ${which}, as member`,
    status: 200,
    async open(world) {
      const code = which === 'good' ? world.ticketCode : 'nonsense';
      const scan = await world
        .visitor('member')
        .send('POST', `/organizer/events/${world.event}/check-in`, { fields: { code } });
      return world.visitor('member').send('GET', scan.location!);
    },
  });
get('GET /organizer/payments', 'member', 'connected');
get('GET /organizer/payments/account-taken', 'member');
get('GET /stripe/connections/:id/default', 'member');
get('GET /stripe/connections/:id/disconnection', 'member');
get('GET /stripe/callback', 'guest', 'signed out', () => '/stripe/callback?state=x', 400);
get('GET /stripe/callback', 'member', 'an expired link', () => '/stripe/callback?state=x&code=y', 400);

get('GET /admin', 'admin');
get('GET /admin/connections', 'admin');
get('GET /admin/connections', 'admin', 'nothing found', () => '/admin/connections?q=zither');
get('GET /admin/connections/:id', 'admin');
get('GET /admin/connections/:id/forced-end', 'admin');
get('GET /admin/connections/:id/disconnection', 'admin');
get('GET /admin/organizers/:id/paid-sales', 'admin');
mistakes('GET /admin/organizers/:id/paid-sales', 'admin', 'POST /admin/organizers/:id/paid-sales', {
  to: 'paused',
});
mistakes(
  'GET /admin/connections/:id/disconnection',
  'admin',
  'POST /admin/connections/:id/disconnection',
  {},
);
get('GET /admin/orders/:id', 'admin', 'paid');
get('GET /admin/disputes', 'admin', 'none');
get('GET /admin/needs-attention', 'admin', 'all kinds');
for (const [place, role] of [
  ['admin', 'admin'],
  ['organizer', 'member'],
] as const) {
  const route = `GET /${place}/orders/:id/decision`;
  get(route, role);
  get(route, role, 'releasing', (world) => `${addressOf(route, world, role)}?to=expired`);
  mistakes(route, role, `POST /${place}/orders/:id/decision`, { to: 'expired' });
}
get('GET /admin/findings/:id', 'admin');
get('GET /admin/findings/:id/closure', 'admin');
mistakes('GET /admin/findings/:id/closure', 'admin', 'POST /admin/findings/:id/closure', {});
for (const list of ['/users', '/organizers', '/events', '/mails', '/webhooks', '/audit']) {
  get(`GET /admin${list}`, 'admin');
  get(`GET /admin${list}`, 'admin', 'nothing found', () => `/admin${list}?q=zither`);
}
for (const kind of ['users', 'organizers', 'events']) {
  get(`GET /admin/${kind}/:id`, 'admin');
  get(`GET /admin/${kind}/:id/suspension`, 'admin');
  mistakes(`GET /admin/${kind}/:id/suspension`, 'admin', `POST /admin/${kind}/:id/suspension`, {
    to: 'suspended',
  });
}
FILLED.push({
  route: 'GET /admin/events/:id',
  name: 'suspended, as admin',
  status: 200,
  async open(world) {
    const path = addressOf('POST /admin/events/:id/suspension', world, 'admin');
    await world.visitor('admin').send('POST', path, { fields: { to: 'suspended', reason: 'Not theirs' } });
    return world.visitor('admin').send('GET', path.replace('/suspension', ''));
  },
});
get(
  'GET /admin/events/:id/suspension',
  'admin',
  'reinstating',
  ({ othersEvent }) => `/admin/events/${othersEvent}/suspension`,
);
get(
  'GET /organizer/events/:id',
  'other',
  'suspended',
  ({ othersEvent }) => `/organizer/events/${othersEvent}`,
);
get('GET /events/:slug/report', 'guest');
get('GET /events/:slug/report', 'guest', 'sent', ({ slug }) => `/events/${slug}/report?sent=1`);
mistakes('GET /events/:slug/report', 'guest', 'POST /events/:slug/report', { email: 'no address' });
get('GET /admin/reports', 'admin');
get('GET /admin/reports', 'admin', 'nothing found', () => '/admin/reports?q=zither');
get('GET /admin/reports/:id', 'admin');
get('GET /admin/reports/:id/decision', 'admin');
mistakes('GET /admin/reports/:id/decision', 'admin', 'POST /admin/reports/:id/decision', {});
get('GET /admin/health', 'admin');
get('GET /admin/mails/:id', 'admin');
get('GET /admin/mails/:id/delivery', 'admin');
mistakes('GET /admin/mails/:id/delivery', 'admin', 'POST /admin/mails/:id/delivery', {});
get('GET /admin/webhooks/:id', 'admin');
// walked on the simulator, where there is nothing to choose: test/journeys/test-mode opens it with keys of both modes
get('GET /organizer/events/:id/mode', 'member', 'without a choice', undefined, 404);
get('GET /admin/organizers/:id/fees', 'admin');
mistakes('GET /admin/organizers/:id/fees', 'admin', 'POST /admin/organizers/:id/fees', { rule: 'own' });
get('GET /admin/webhooks/:id/replay', 'admin');
mistakes('GET /admin/webhooks/:id/replay', 'admin', 'POST /admin/webhooks/:id/replay', {});
FILLED.push({
  route: 'GET /admin/needs-attention',
  name: 'an order, as admin',
  status: 200,
  async open(world) {
    const change = (status: string) =>
      world.db('orders').where({ id: world.orderId }).update({ status, status_detail: 'payment_mismatch' });
    await change('needs_attention');
    const answer = await world.visitor('admin').send('GET', '/admin/needs-attention');
    await change('paid');
    return answer;
  },
});
for (const [what, path, status] of [
  ['no such page', '/nowhere', 404],
  ['an address that can not be read', '/events/%E0%A4%A', 400],
] as const)
  get('error pages', 'guest', what, () => path, status);
FILLED.push({
  route: 'error pages',
  name: 'a form without its token, as member',
  status: 403,
  open: (world) => world.visitor('member').send('POST', '/organizer/current', { token: null }),
});

FILLED.push({
  route: 'error pages',
  name: 'a long form whose session ran out, as guest',
  status: 403,
  open: (world) => world.visitor('guest').send('POST', '/organizer/events', { token: null, fields: EVENT }),
});

// What ends something: the pages that tell of it.
FILLED.push({
  route: 'GET /events/:slug',
  name: 'cancelled, as guest',
  status: 200,
  async open(world) {
    const path = `/organizer/events/${world.toCancel}/cancellation`;
    await world.visitor('member').send('POST', path, { fields: { reason: 'The engine is not ready' } });
    const { slug } = await world.db('events').where({ id: world.toCancel }).first('slug');
    return world.visitor('guest').send('GET', `/events/${slug}`);
  },
});
get('GET /organizer/events/:id', 'member', 'cancelled', ({ toCancel }) => `/organizer/events/${toCancel}`);
FILLED.push({
  route: 'GET /organizer/payments',
  name: 'disconnected, as member',
  status: 200,
  async open(world) {
    const member = world.visitor('member');
    await member.send('POST', addressOf('POST /stripe/connections/:id/disconnection', world, 'member'));
    return member.send('GET', '/organizer/payments');
  },
});
get('GET /organizer', 'member', 'disconnected');
get('GET /events/:slug', 'guest', 'no payments');
mistakes(
  'GET /events/:slug',
  'guest',
  'POST /events/:slug/orders',
  ({ typeId }) => ({ [`quantity.${typeId}`]: '1' }),
  409,
);

/** The page that asks before people are told that the event takes place elsewhere. */
async function changeNotice(world: World, venue: string): Promise<Answer> {
  const member = world.visitor('member');
  const edit = `/organizer/events/${world.event}/edit`;
  const { html } = await member.send('GET', edit);
  const { _csrf, ...values } = formsOf(html).find(({ action }) => action === edit)!.values;
  const fields = { ...values, venue_name: venue, action: 'save' };
  return member.send('GET', (await member.send('POST', edit, { fields })).location!);
}

/** The rules are the same for every page; putting them together anew for each takes twice as long as the looking. */
class ReadOnce extends StaticConfigLoader {
  private rules?: ReturnType<StaticConfigLoader['getConfigFor']>;
  override getConfigFor(...page: Parameters<StaticConfigLoader['getConfigFor']>) {
    return (this.rules ??= super.getConfigFor(...page));
  }
}

const validators: Record<string, HtmlValidate> = {
  others: validatorWithout(),
  // without JavaScript a page can only wait by asking again; it says so and has a link
  'GET /orders/:token/payment': validatorWithout('meta-refresh'),
  'GET /organizer/events/:id/refunds': validatorWithout('meta-refresh'),
  // programs that show mails need the tables and attributes of old
  [MAIL]: validatorWithout('no-inline-style', 'no-deprecated-attr', 'prefer-tbody'),
};

const STATES = [...EMPTY, ...FILLED];
const newcomers: Record<string, (market: Market) => ReturnType<typeof createVisitor>> = {};
const answers = new Map<State, Answer>();
let complaints: Record<string, string[]>;
let world: World;

beforeAll(async () => {
  const market = await openMarket();
  const { browser: organizer } = await market.organizer('Empty Room');
  const admin = await market.admin();
  const newcomer = createBrowser();
  await newcomer.submit(await newcomer.open(market.at('/sign-up')), {
    name: 'Newcomer',
    email: 'newcomer@example.com',
    password: 'four quiet words here',
  });
  newcomers.guest = () => createVisitor(market);
  for (const [role, browser] of Object.entries({ organizer, admin, newcomer }))
    newcomers[role] = () => createVisitor(market, browser);
  for (const state of EMPTY) answers.set(state, await state.open(world, market));
  world = await buildWorld(market);
  for (const state of FILLED) answers.set(state, await state.open(world, market));
  complaints = await axeOver(
    STATES.map((state) => ({ name: `${state.route}: ${state.name}`, html: answers.get(state)!.html })),
  );
}, 120_000);
afterAll(() => world.close());

test('every page of the table of routes is looked at here', () => {
  const pages = Object.keys(TABLE).filter((route) => route.startsWith('GET ') && !NO_PAGES.includes(route));
  const seen = new Set(STATES.map(({ route }) => route));
  expect(pages.filter((route) => !seen.has(route))).toEqual([]);
});

describe.each(STATES.map((state) => [state.route, state.name, state] as const))(
  '%s: %s',
  (route, name, state) => {
    const answer = () => answers.get(state)!;

    test('is a valid page with nothing inline', () => {
      const { status, html } = answer();
      expect(status).toBe(state.status);
      expect(html.match(/<h1[\s>]/g)).toHaveLength(1);
      expect(html).toMatch(/^<!DOCTYPE html>\s*<html lang="en">/i);
      expect(/<title>([^<]*)<\/title>/.exec(html)?.[1]).toMatch(route === MAIL ? /\S/ : /^\S.* · Foyer$/);
      if (route !== MAIL) expect(inlineCode(html)).toEqual([]);
      expect(validate(html, route)).toEqual([]);
    });

    test('axe-core finds nothing', () => {
      const expected = route === MAIL ? [expect.stringMatching(/^region: <table role="presentation"/)] : [];
      expect(complaints[`${route}: ${name}`]).toEqual(expected);
    });

    test('has the headers that its kind needs', () => {
      const { headers, status } = answer();
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain(route === MAIL ? "frame-ancestors 'self'" : "frame-ancestors 'none'");
      if (route === MAIL) expect(policy).toContain('sandbox');
      else expect(policy).not.toMatch(/unsafe-|\*/);
      expect(policy).not.toContain("script-src 'unsafe");
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-powered-by')).toBeNull();
      const shared = PUBLIC.includes(route) && status === 200 && !name.startsWith('with a code');
      expect(headers.get('cache-control')).toBe(shared ? 'public, max-age=0, must-revalidate' : 'no-store');
      if (PUBLIC.includes(route)) expect(headers.getSetCookie()).toEqual([]);
    });
  },
);

test.each(PUBLIC)('%s sets no cookie, for whoever comes', async (route) => {
  for (const role of ['guest', 'buyer', 'member', 'admin'] as const) {
    const answer = await world.visitor(role).send('GET', addressOf(route, world, role));
    expect([answer.status, answer.headers.getSetCookie(), answer.headers.get('cache-control')]).toEqual([
      200,
      [],
      expect.stringMatching(/^public, /),
    ]);
  }
});

test.each(NO_PAGES)('%s can not be taken for a page', async (route) => {
  const role = route.includes('/admin') ? 'admin' : route.includes('/organizer/') ? 'member' : 'buyer';
  const { headers } = await world.visitor(role).send('GET', addressOf(route, world, role));
  expect(headers.get('content-type')).toMatch(
    /^(application\/(json|xml|pdf)|text\/(calendar|csv|plain)|image\/(svg\+xml|png))/,
  );
  if (!route.endsWith('z')) expect(headers.get('x-content-type-options')).toBe('nosniff');
  if (!PUBLIC.includes(route)) expect(headers.get('cache-control')).toBe('no-store');
});

function validatorWithout(...rules: string[]): HtmlValidate {
  // an include that renders nothing leaves its indent behind
  const off = ['no-trailing-whitespace', ...rules].map((rule) => [rule, 'off'] as const);
  return new HtmlValidate(
    new ReadOnce({ extends: ['html-validate:recommended'], rules: Object.fromEntries(off) }),
  );
}

/** Scripts, styles and handlers in the page itself: the policy forbids them, so they would do nothing. */
function inlineCode(html: string): string[] {
  return [
    ...html.matchAll(/<style[\s>]/gi),
    ...html.matchAll(/<[a-z][^<>]*\s(?:style|on[a-z]+)\s*=/gi),
    ...html.matchAll(/<script(?![^>]*\ssrc=)(?![^>]*type="application\/ld\+json")/gi),
    ...html.matchAll(/(?:href|src|action)="\s*javascript:/gi),
  ].map((match) => match[0]);
}

function validate(html: string, route: string): string[] {
  const validator = validators[route] ?? validators.others!;
  return validator
    .validateStringSync(html)
    .results.flatMap(({ messages }) => messages)
    .map(
      ({ ruleId, message, line }) =>
        `${ruleId}: ${message} in ${html.split('\n')[line - 1]?.trim().slice(0, 160)}`,
    );
}

async function axeOver(pages: { name: string; html: string }[]): Promise<Record<string, string[]>> {
  const folder = mkdtempSync(join(tmpdir(), 'foyer-axe-'));
  try {
    writeFileSync(join(folder, 'pages.json'), JSON.stringify(pages));
    const script = join(__dirname, '../support/axe-check.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [script, join(folder, 'pages.json')], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return JSON.parse(stdout) as Record<string, string[]>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
