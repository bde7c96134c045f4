/**
 * Who gets what at each address. Every route of the app has its row here and every row its route; the walks over rights,
 * tokens, pages and hostile values all go by this table. They walk in its order: what ends something stands last.
 */
import { randomUUID } from 'node:crypto';
import { formsOf } from '../support/html';
import { EVENT, PASSWORD } from '../support/market';
import { forged, type Role, type World } from './world';

export interface Outcome {
  status: number;
  /** where it leads */
  to?: RegExp;
  /** whether anything in the database is different afterwards */
  changes: boolean;
}

export interface Row {
  outcomes: Record<Role, Outcome>;
  /** the address for this person; default: the route with the first organizer's things filled in */
  at?: (world: World, role: Role) => string;
  /** what is sent, by everybody alike, so that only who they are makes the difference */
  fields?: (world: World) => Record<string, string> | Promise<Record<string, string>>;
  /** whose form it is, for the walk over tokens; default: the member's */
  sender?: Role;
}

const EVENT_HOME = /^\/organizer\/events\/[\w-]{36}$/;

const page: Outcome = { status: 200, changes: false };
const acts: Outcome = { status: 303, changes: true };
const badRequest: Outcome = { status: 400, changes: false };
const forbidden: Outcome = { status: 403, changes: false };
const notFound: Outcome = { status: 404, changes: false };
const signIn: Outcome = leadsTo(/^\/sign-in\?next=/);
const noDeskYet: Outcome = leadsTo(/^\/organizer\/organizers\/new(\?next=|$)/);

function leadsTo(to: RegExp, changes = false): Outcome {
  return { status: 303, to, changes };
}

function everybody(outcome: Outcome, except: Partial<Row['outcomes']> = {}): Row['outcomes'] {
  return {
    guest: outcome,
    buyer: outcome,
    member: outcome,
    colleague: outcome,
    other: outcome,
    admin: outcome,
    ...except,
  };
}

function signedIn(outcome: Outcome, except: Partial<Row['outcomes']> = {}): Row['outcomes'] {
  return everybody(outcome, { guest: signIn, buyer: signIn, ...except });
}

/** A desk's page that is about no single thing: everybody sees their own organizer's. */
function ownDesk(outcome: Outcome, except: Partial<Row['outcomes']> = {}): Row['outcomes'] {
  return signedIn(outcome, { admin: noDeskYet, ...except });
}

/** Something of the first organizer: for all others it is not there. */
function membersOnly(outcome: Outcome, except: Partial<Row['outcomes']> = {}): Row['outcomes'] {
  return ownDesk(outcome, { other: notFound, ...except });
}

function adminsOnly(outcome: Outcome): Row['outcomes'] {
  return signedIn(notFound, { admin: outcome });
}

/** Whoever has the address: the others hold one with a wrong signature. */
function withTheAddress(outcome: Outcome): Row['outcomes'] {
  return everybody(notFound, { buyer: outcome });
}

const gift = (rest: string) => (world: World) => `/organizer/orders/${world.giftId}${rest}`;

const order =
  (which: keyof World['tokens'], rest = '') =>
  (world: World, role: Role) => {
    const token = world.tokens[which];
    return `/orders/${role === 'buyer' ? token : forged(token)}${rest}`;
  };

const event =
  (which: 'event' | 'draftEvent' | 'toUnpublish' | 'toCancel' | 'cancelledEvent', rest = '') =>
  (world: World) =>
    `/organizer/events/${world[which]}${rest}`;

const refund =
  (which: 'refundedAtStripe' | 'stoppedRefund' | 'stoppedRefundToo', rest: string, side = 'organizer') =>
  (world: World) =>
    `/${side}/refunds/${world[which]}/${rest}`;

/** One euro of the paid order, as the preview's form has it; the admins' form is the same. */
const oneEuro = async (world: World) => ({
  ...(await formAt(
    world,
    `/organizer/orders/${world.orderId}/refunds/preview?scope=amount&amount=1`,
    /\/refunds$/,
  )),
  reason: 'The bar was closed',
});

const decisionOf = (place: 'desk' | 'admin') => (world: World) =>
  `/${place === 'desk' ? 'organizer' : 'admin'}/orders/${world.undecided[place]}/decision`;

/** What an app asks a person for. */
const appRequest = ({ market }: World) => ({
  response_type: 'code',
  client_id: 'stripe-app',
  redirect_uri: `${market.baseUrl}/api/oauth/authorise`,
  scope: 'orders:read events:read',
  state: 'of-the-walk',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
});

const because = () => ({ reason: 'Somebody asked for it' });
const details = async (world: World) => {
  const { db, organizerId } = world;
  const { current_terms_id } = await db('organizers').where({ id: organizerId }).first('current_terms_id');
  const buyer = { name: 'Charles', email: 'charles@example.com', terms: current_terms_id as string };
  return { ...buyer, ...answers(world) };
};
const answers = ({ questions }: World) => ({
  [`answer.${questions.order}.0`]: 'From a friend',
  [`answer.${questions.ticket}.1`]: 'Annabella',
});
const questionAt =
  (rest = '', which: 'order' | 'ticket' = 'ticket') =>
  ({ draftEvent, draftQuestions }: World) =>
    `/organizer/events/${draftEvent}/questions/${draftQuestions[which]}${rest}`;
const credentials = (world: World) => ({ email: world.memberEmail, password: PASSWORD });
const organizerFields = () => ({ name: 'Analytical Society', contact_email: 'desk@example.com' });

export const TABLE: Record<string, Row> = {
  'GET /healthz': { outcomes: everybody(page) },
  'GET /readyz': { outcomes: everybody(page) },
  // unsigned; what is signed has its own tests
  'POST /webhooks/stripe': { outcomes: everybody(badRequest) },

  // programs; what they get with a token, or with their secret, has its own tests
  'POST /oauth/token': { outcomes: everybody(badRequest) },
  'POST /oauth/revoke': { outcomes: everybody({ status: 401, changes: false }) },
  'GET /oauth/whoami': { outcomes: everybody({ status: 401, changes: false }) },
  'GET /api/events': { outcomes: everybody({ status: 401, changes: false }) },
  'GET /api/orders': { outcomes: everybody({ status: 401, changes: false }) },

  // unsigned; what Stripe's Dashboard signs has its own tests, as has the way back with a state
  'GET /api/oauth/userinfo': { outcomes: everybody(badRequest) },
  'GET /api/oauth/login': { outcomes: everybody(badRequest) },
  'POST /api/oauth/logout': { outcomes: everybody(badRequest) },
  'GET /api/payments/:id': { outcomes: everybody(badRequest), at: () => '/api/payments/pi_1' },
  'GET /api/oauth/authorise': { outcomes: everybody(badRequest) },
  'GET /api/oauth/authorize': { outcomes: everybody(badRequest) },
  'GET /api/oauth/signed-in': { outcomes: everybody(page) },

  'GET /': { outcomes: everybody(page) },
  'GET /events/:slug': { outcomes: everybody(page) },
  'GET /events/:slug/calendar.ics': { outcomes: everybody(page) },
  'GET /events/:slug/poster.svg': { outcomes: everybody(page) },
  'GET /sitemap.xml': { outcomes: everybody(page) },
  'GET /robots.txt': { outcomes: everybody(page) },
  'GET /find-my-tickets': { outcomes: everybody(page) },
  'POST /find-my-tickets': {
    // what it leads to is done by the worker
    outcomes: everybody(leadsTo(/^\/find-my-tickets\?sent=1$/)),
    fields: () => ({ email: `asker${(newcomers += 1)}@example.com` }),
    sender: 'guest',
  },
  'GET /events/:slug/share.png': { outcomes: everybody(page) },
  'GET /covers/:name': { outcomes: everybody(notFound), at: () => `/covers/${'0'.repeat(32)}-wide.webp` },
  'GET /organizers/:slug': {
    outcomes: everybody(page),
    at: (world) => `/organizers/${world.organizerSlug}`,
  },
  'GET /organizers/:slug/terms': {
    outcomes: everybody(page),
    at: (world) => `/organizers/${world.organizerSlug}/terms`,
  },
  'GET /events/:slug/report': { outcomes: everybody(page) },
  'POST /events/:slug/report': {
    outcomes: everybody(leadsTo(/^\/events\/[\w-]+\/report\?sent=1$/, true)),
    fields: () => ({ kind: 'fraud', message: 'There is no such hall', email: '' }),
    sender: 'guest',
  },
  'POST /events/:slug/orders': {
    outcomes: everybody(leadsTo(/^\/orders\/[\w-]{43}$/, true)),
    fields: (world) => ({ [`quantity.${world.typeId}`]: '1', [`price.${world.typeId}`]: world.price }),
    sender: 'guest',
  },

  'GET /orders/:token': { outcomes: withTheAddress(page) },
  'GET /orders/:token/tickets.pdf': { outcomes: withTheAddress(page) },
  'GET /orders/:token/receipt': { outcomes: withTheAddress(page) },
  'GET /orders/:token/cancellation': { outcomes: withTheAddress(page) },
  'POST /orders/:token/cancellation': {
    // what the buyer was shown is not what would be done
    outcomes: withTheAddress({ status: 409, changes: false }),
    fields: () => ({ key: randomUUID(), seen: 'order.1' }),
    sender: 'buyer',
  },
  'POST /orders/:token/name': {
    outcomes: withTheAddress(leadsTo(/\?named=1$/, true)),
    fields: () => ({ name: 'Charles Babbage' }),
    sender: 'buyer',
  },
  'POST /orders/:token/answers': {
    outcomes: withTheAddress(leadsTo(/\?answered=1$/, true)),
    fields: answers,
    sender: 'buyer',
  },
  'POST /orders/:token/extension': {
    outcomes: withTheAddress(leadsTo(/^\/orders\/[\w-]{43}$/, true)),
    at: order('held', '/extension'),
    sender: 'buyer',
  },
  'GET /orders/:token/payment': { outcomes: withTheAddress(page), at: order('atStripe', '/payment') },
  'GET /orders/:token/calendar.ics': { outcomes: withTheAddress(page) },
  'GET /tickets/:code': {
    outcomes: withTheAddress(page),
    at: (world, role) => `/tickets/${role === 'buyer' ? world.ticketCode : forged(world.ticketCode)}`,
  },
  'POST /orders/:token/payment': {
    outcomes: withTheAddress(leadsTo(/^\/orders\/[\w-]{43}\/payment$/, true)),
    at: order('held', '/payment'),
    fields: details,
    sender: 'buyer',
  },
  'POST /orders/:token/release': {
    outcomes: withTheAddress(leadsTo(/^\/orders\/[\w-]{43}$/, true)),
    at: order('toRelease', '/release'),
    sender: 'buyer',
  },
  'POST /orders/:token/mails': {
    outcomes: withTheAddress(leadsTo(/\?sent=1$/, true)),
    sender: 'buyer',
  },

  // not there in production, which has a test of its own
  'GET /dev/mail': { outcomes: everybody(page) },
  'GET /dev/mail/:id': { outcomes: everybody(page) },
  'GET /dev/mail/:id/html': { outcomes: everybody(page) },
  'GET /dev/components': { outcomes: everybody(page) },

  'GET /sign-up': { outcomes: everybody(leadsTo(/^\/organizer$/), { guest: page, buyer: page }) },
  'GET /sign-in': { outcomes: everybody(leadsTo(/^\/organizer$/), { guest: page, buyer: page }) },
  'POST /sign-up': {
    outcomes: everybody(leadsTo(/^\/organizer$/), {
      guest: leadsTo(/^\/organizer$/, true),
      buyer: leadsTo(/^\/organizer$/, true),
    }),
    fields: () => ({ name: 'Mary', email: `mary${(newcomers += 1)}@example.com`, password: PASSWORD }),
    sender: 'guest',
  },
  'POST /sign-in': { outcomes: everybody(leadsTo(/^\/organizer$/)), fields: credentials, sender: 'guest' },
  'GET /confirm-password': { outcomes: signedIn(page) },
  'POST /confirm-password': { outcomes: signedIn(leadsTo(/^\/organizer$/)), fields: credentials },

  'GET /sign-in/code': { outcomes: everybody(leadsTo(/^\/sign-in$/)) },
  'POST /sign-in/code': {
    outcomes: everybody(leadsTo(/^\/sign-in$/)),
    fields: () => ({ code: '000000' }),
    sender: 'guest',
  },
  'GET /forgotten-password': { outcomes: everybody(page) },
  'POST /forgotten-password': {
    // what it leads to is done by the worker
    outcomes: everybody(leadsTo(/^\/forgotten-password\?sent=1$/)),
    fields: () => ({ email: `forgot${(newcomers += 1)}@example.com` }),
    sender: 'guest',
  },
  'GET /password-resets/:token': { outcomes: everybody(page), at: (world) => world.passwordReset },
  'POST /password-resets/:token': {
    outcomes: everybody(notFound, { guest: leadsTo(/^\/sign-in$/, true) }),
    at: (world) => world.passwordReset,
    fields: () => ({ password: 'other words than before' }),
    sender: 'guest',
  },

  'POST /kept-forms': {
    // into the session, for whoever it is
    outcomes: everybody(leadsTo(/^\/organizer\/organizers\/new$/)),
    fields: ({ market }) => ({
      kept: market.testApp.dependencies.encryption.encrypt(
        JSON.stringify({ page: '/organizer/organizers/new', values: { name: 'x' }, at: Date.now() / 1000 }),
        'kept-form',
      ),
    }),
  },

  // whose address is not confirmed lets nobody in
  'GET /oauth/authorize': {
    outcomes: signedIn(page, { colleague: forbidden }),
    at: (world) => `/oauth/authorize?${new URLSearchParams({ ...appRequest(world), x: '1' })}`,
  },
  'POST /oauth/authorize': {
    // a page that leads on to the app
    outcomes: signedIn({ status: 200, changes: true }, { colleague: forbidden }),
    fields: (world) => ({ ...appRequest(world), allowed: 'true' }),
  },
  'POST /account/apps/removal': {
    outcomes: signedIn(leadsTo(/^\/account$/, true), { colleague: leadsTo(/^\/account$/) }),
    fields: () => ({ client: 'stripe-app' }),
  },
  'GET /account': { outcomes: signedIn(page) },
  'POST /account/name': {
    outcomes: signedIn(leadsTo(/^\/account$/, true)),
    fields: () => ({ name: `Ada ${(newcomers += 1)}` }),
  },
  'GET /account/email': { outcomes: signedIn(page) },
  'POST /account/email': {
    outcomes: signedIn(leadsTo(/^\/account$/, true)),
    fields: () => ({ email: `new${(newcomers += 1)}@example.com` }),
  },
  'POST /account/verification-mails': {
    outcomes: signedIn(leadsTo(/^\/account$/), { colleague: leadsTo(/^\/account$/, true) }),
  },
  'GET /account/email-confirmations/:token': {
    outcomes: signedIn(notFound, { colleague: page }),
    at: (world) => world.emailConfirmation,
  },
  'POST /account/email-confirmations/:token': {
    outcomes: signedIn(notFound, { colleague: leadsTo(/^\/organizer$/, true) }),
    at: (world) => world.emailConfirmation,
    sender: 'colleague',
  },
  'GET /account/password': { outcomes: signedIn(page) },
  'POST /account/password': {
    outcomes: signedIn(leadsTo(/^\/account$/, true)),
    fields: () => ({ current_password: PASSWORD, password: PASSWORD }),
  },
  'POST /account/sessions': {
    outcomes: signedIn(leadsTo(/^\/account$/)),
    fields: () => ({ session: 'others' }),
  },
  'GET /account/two-factor': { outcomes: signedIn(page) },
  'POST /account/two-factor/setup': { outcomes: signedIn(leadsTo(/^\/account\/two-factor$/, true)) },
  'POST /account/two-factor': {
    outcomes: signedIn({ status: 422, changes: false }),
    fields: () => ({ code: '000000' }),
  },
  'POST /account/two-factor/recovery-codes': { outcomes: signedIn(leadsTo(/^\/account\/two-factor$/)) },
  'POST /account/two-factor/removal': { outcomes: signedIn(leadsTo(/^\/account$/, true)) },
  'GET /account/closure': { outcomes: signedIn(page) },

  'GET /organizer': { outcomes: ownDesk(page) },
  'GET /organizer/organizers/new': { outcomes: signedIn(page) },
  'GET /organizer/organizers/:id/edit': { outcomes: membersOnly(page, { colleague: forbidden }) },
  'POST /organizer/organizers/:id/edit': {
    outcomes: membersOnly(acts, { colleague: forbidden }),
    fields: organizerFields,
  },
  'GET /organizer/events': { outcomes: ownDesk(page) },
  'GET /organizer/events/new': { outcomes: ownDesk(page) },
  'POST /organizer/events': {
    outcomes: ownDesk(leadsTo(EVENT_HOME, true)),
    fields: () => ({ ...EVENT, action: 'save' }),
  },
  'GET /organizer/events/:id': { outcomes: membersOnly(page) },
  'GET /organizer/events/:id/cover': { outcomes: membersOnly(page) },
  'POST /organizer/events/:id/cover': {
    // without a file; with one it has its own tests
    outcomes: membersOnly({ status: 422, changes: false }),
    fields: () => ({ alt: 'The engine' }),
  },
  'POST /organizer/events/:id/cover/removal': {
    outcomes: membersOnly(leadsTo(/\/cover$/)),
  },
  'GET /organizer/events/:id/sales': { outcomes: membersOnly(page) },
  'GET /organizer/events/:id/orders': { outcomes: membersOnly(page) },
  'GET /organizer/events/:id/orders.csv': { outcomes: membersOnly(page) },
  'GET /organizer/events/:id/codes': { outcomes: membersOnly(page) },
  'POST /organizer/events/:id/codes': {
    outcomes: membersOnly(leadsTo(/\/codes$/, true)),
    fields: () => ({ code: `WALKED${(newcomers += 1)}`, kind: 'percent', value: '10' }),
  },
  'POST /organizer/events/:id/codes/:codeId/switch': {
    outcomes: membersOnly(leadsTo(/\/codes$/, true), { colleague: leadsTo(/\/codes$/) }),
    at: (world) => `/organizer/events/${world.event}/codes/${world.codeId}/switch`,
    fields: () => ({ to: 'off' }),
  },
  'GET /organizer/events/:id/questions': { outcomes: membersOnly(page) },
  'POST /organizer/events/:id/questions': {
    outcomes: membersOnly(leadsTo(/\/questions$/, true)),
    at: event('draftEvent', '/questions'),
    fields: () => ({
      label: 'What would you like to eat?',
      kind: 'one_of',
      scope: 'ticket',
      options: 'Soup\nBread',
    }),
  },
  'GET /organizer/events/:id/questions/:questionId': { outcomes: membersOnly(page), at: questionAt() },
  'POST /organizer/events/:id/questions/:questionId': {
    outcomes: membersOnly(leadsTo(/\/questions$/, true)),
    at: questionAt(),
    fields: () => ({ label: 'Who comes with this ticket?', correctable: '1' }),
  },
  'POST /organizer/events/:id/questions/:questionId/position': {
    outcomes: membersOnly(leadsTo(/\/questions#question-[\w-]+$/, true)),
    at: questionAt('/position', 'order'),
    fields: () => ({ to: 'down' }),
  },
  'POST /organizer/events/:id/questions/:questionId/switch': {
    outcomes: membersOnly(leadsTo(/\/questions$/, true), { colleague: leadsTo(/\/questions$/) }),
    at: questionAt('/switch'),
    fields: () => ({ to: 'off' }),
  },
  'GET /organizer/events/:id/self-cancellation': { outcomes: membersOnly(page) },
  'POST /organizer/events/:id/self-cancellation': {
    outcomes: membersOnly(leadsTo(/\/self-cancellation$/, true)),
    at: event('draftEvent', '/self-cancellation'),
    fields: () => ({ covers: 'both', until: '2', unit: 'days', refund: 'whole' }),
  },
  'GET /organizer/events/:id/messages': { outcomes: membersOnly(page) },
  'POST /organizer/events/:id/messages': {
    outcomes: membersOnly(leadsTo(/\/messages\/[\w-]{36}$/, true)),
    fields: () => ({
      audience: 'all',
      subject: 'Doors',
      body: 'Come early.',
      key: randomUUID(),
      action: 'send',
    }),
  },
  'GET /organizer/events/:id/messages/:messageId': {
    outcomes: membersOnly(page),
    at: (world) => `/organizer/events/${world.event}/messages/${world.messageId}`,
  },
  'GET /organizer/events/:id/complimentary-orders/new': { outcomes: membersOnly(page) },
  'POST /organizer/events/:id/complimentary-orders': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/orders\/[\w-]{36}$/, true)),
    fields: (world) => ({
      type: world.typeId,
      quantity: '1',
      name: 'Mary Somerville',
      email: 'mary@example.com',
      reason: 'Speaker',
      key: randomUUID(),
    }),
  },
  'GET /organizer/orders/:id/cancellation': { outcomes: membersOnly(page), at: gift('/cancellation') },
  'POST /organizer/orders/:id/cancellation': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/orders\//, true), {
      colleague: leadsTo(/^\/organizer\/orders\//),
    }),
    at: gift('/cancellation'),
  },
  'GET /organizer/orders/:id': { outcomes: membersOnly(page) },
  'GET /organizer/orders/:id/decision': { outcomes: membersOnly(page), at: decisionOf('desk') },
  'POST /organizer/orders/:id/check': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/orders\/[\w-]+\/decision$/, true)),
    at: ({ undecided }) => `/organizer/orders/${undecided.desk}/check`,
  },
  'GET /organizer/events/:id/check-in': { outcomes: membersOnly(page) },
  'GET /organizer/events/:id/check-in/counts': { outcomes: membersOnly(page) },
  'POST /organizer/events/:id/check-in': {
    outcomes: membersOnly(leadsTo(/\/check-in\?scan=[\w-]{36}$/, true)),
    fields: (world) => ({ code: world.ticketCode }),
  },
  'POST /organizer/events/:id/check-in/removal': {
    outcomes: membersOnly(leadsTo(/\/check-in\?scan=[\w-]{36}$/, true), {
      colleague: { status: 409, changes: false },
    }),
    fields: async (world) => ({
      ticket_id: (await world.db('tickets').where({ order_id: world.orderId }).orderBy('seq').first('id')).id,
    }),
  },
  'GET /organizer/orders/:id/refunds/new': { outcomes: membersOnly(page) },
  'GET /organizer/orders/:id/refunds/preview': {
    outcomes: membersOnly(page),
    at: (world) => `/organizer/orders/${world.orderId}/refunds/preview?scope=order`,
  },
  'POST /organizer/orders/:id/refunds': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/orders\/[\w-]{36}$/, true)),
    fields: oneEuro,
  },
  'GET /organizer/refunds/:id/tickets': {
    outcomes: membersOnly(page),
    at: refund('refundedAtStripe', 'tickets'),
  },
  'POST /organizer/refunds/:id/tickets': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/orders\//, true), {
      colleague: leadsTo(/^\/organizer\/orders\//),
    }),
    at: refund('refundedAtStripe', 'tickets'),
    fields: () => ({ which: 'none' }),
  },
  'POST /organizer/refunds/:id/withdrawal': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/orders\//, true), {
      colleague: leadsTo(/^\/organizer\/orders\//),
    }),
    at: refund('stoppedRefund', 'withdrawal'),
  },
  'POST /organizer/refunds/:id/attempts': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/orders\//, true), {
      colleague: leadsTo(/^\/organizer\/orders\//),
    }),
    at: refund('stoppedRefundToo', 'attempts'),
  },
  'GET /organizer/events/:id/refunds': {
    outcomes: membersOnly(page),
    at: event('cancelledEvent', '/refunds'),
  },
  'POST /organizer/events/:id/refunds': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/events\/[\w-]{36}\/refunds$/, true), {
      colleague: leadsTo(/\/refunds$/),
    }),
    at: event('cancelledEvent', '/refunds'),
  },
  'POST /organizer/events/:id/refunds/attempts': {
    outcomes: membersOnly(leadsTo(/\/refunds$/)),
    at: event('cancelledEvent', '/refunds/attempts'),
  },
  'GET /organizer/events/:id/preview': { outcomes: membersOnly(page), at: event('draftEvent', '/preview') },
  'GET /organizer/drafts/:id/preview': {
    // what Ada began is hers alone, and it lacks what a preview needs
    outcomes: membersOnly(leadsTo(/^\/organizer\/events\/new\?draft=/), { colleague: notFound }),
    at: (world) => `/organizer/drafts/${world.draftId}/preview`,
  },
  'GET /organizer/events/:id/change-notice': {
    // without a form that waits there is nothing to tell
    outcomes: membersOnly(leadsTo(/\/edit$/)),
  },
  'POST /organizer/events/:id/change-notice': {
    // the waiting form is its writer's own
    outcomes: membersOnly(leadsTo(EVENT_HOME, true), { colleague: leadsTo(EVENT_HOME) }),
    fields: waitingChange,
  },
  'POST /organizer/events/:id/duplicates': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/events\/[\w-]{36}\/edit$/, true), { colleague: forbidden }),
  },
  'GET /organizer/events/:id/edit': { outcomes: membersOnly(page) },
  'POST /organizer/events/:id/edit': {
    outcomes: membersOnly(leadsTo(EVENT_HOME, true)),
    fields: async (world) => ({
      ...(await formAt(world, `/organizer/events/${world.event}/edit`, /\/edit$/)),
      title: `Changed ${(newcomers += 1)}`,
      action: 'save',
    }),
  },
  'GET /organizer/events/:id/publication': {
    outcomes: membersOnly(page),
    at: event('draftEvent', '/publication'),
  },
  'POST /organizer/events/:id/publication': {
    outcomes: membersOnly(acts, { colleague: leadsTo(EVENT_HOME) }),
    at: event('draftEvent', '/publication'),
  },
  'POST /organizer/events/:id/unpublication': {
    outcomes: membersOnly(acts, { colleague: leadsTo(EVENT_HOME) }),
    at: event('toUnpublish', '/unpublication'),
  },
  'POST /organizer/drafts/:id/removal': {
    // an unfinished form is its writer's own
    outcomes: membersOnly(leadsTo(/^\/organizer\/events$/, true), { colleague: notFound }),
    at: (world) => `/organizer/drafts/${world.draftId}/removal`,
  },
  'GET /organizer/payments': { outcomes: ownDesk(page) },
  'GET /organizer/payments/account-taken': { outcomes: ownDesk(page) },
  'POST /stripe/connect': {
    outcomes: ownDesk(leadsTo(/^\/organizer\/payments$/), {
      other: leadsTo(/\/oauth\/authorize\?.*state=[\w-]{43}/, true),
    }),
  },
  'GET /stripe/callback': { outcomes: everybody(badRequest) },
  'GET /stripe-app': { outcomes: everybody(page) },
  'POST /stripe-app/installations': {
    // a page that leads on to Stripe
    outcomes: everybody({ status: 200, changes: true }),
    sender: 'guest',
  },
  'GET /stripe-app/callback': { outcomes: everybody(badRequest) },
  'POST /stripe/connections/:id/refresh': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/payments$/, true)),
  },
  'GET /stripe/connections/:id/default': { outcomes: membersOnly(page) },
  'POST /stripe/connections/:id/default': {
    // it is the default already
    outcomes: membersOnly(leadsTo(/^\/organizer\/payments$/), { colleague: forbidden }),
  },
  'GET /stripe/connections/:id/disconnection': { outcomes: membersOnly(page) },

  'GET /admin': { outcomes: adminsOnly(page) },
  'GET /admin/connections': { outcomes: adminsOnly(page) },
  'GET /admin/needs-attention': { outcomes: adminsOnly(page) },
  'GET /admin/orders/:id': { outcomes: adminsOnly(page) },
  'GET /admin/disputes': { outcomes: adminsOnly(page) },
  'GET /admin/orders/:id/refunds/new': { outcomes: adminsOnly(page) },
  'GET /admin/orders/:id/refunds/preview': {
    outcomes: adminsOnly(page),
    at: (world) => `/admin/orders/${world.orderId}/refunds/preview?scope=order`,
  },
  'POST /admin/orders/:id/refunds': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/orders\//, true)),
    fields: oneEuro,
    sender: 'admin',
  },
  // the members have decided about these two
  'POST /admin/refunds/:id/attempts': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/orders\//)),
    at: refund('stoppedRefundToo', 'attempts', 'admin'),
    sender: 'admin',
  },
  'POST /admin/refunds/:id/withdrawal': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/orders\//)),
    at: refund('stoppedRefund', 'withdrawal', 'admin'),
    sender: 'admin',
  },
  'GET /admin/connections/:id': { outcomes: adminsOnly(page) },
  'POST /admin/connections/:id/refresh': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/connections\//, true)),
    sender: 'admin',
  },
  'GET /admin/connections/:id/forced-end': { outcomes: adminsOnly(page) },
  'POST /admin/connections/:id/forced-end': {
    // it is not being ended
    outcomes: adminsOnly(leadsTo(/^\/admin\/connections\//)),
    fields: because,
    sender: 'admin',
  },
  'GET /admin/orders/:id/decision': { outcomes: adminsOnly(page), at: decisionOf('admin') },
  'POST /admin/orders/:id/check': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/orders\/[\w-]+\/decision$/, true)),
    at: ({ undecided }) => `/admin/orders/${undecided.admin}/check`,
    sender: 'admin',
  },
  'GET /admin/findings/:id': { outcomes: adminsOnly(page) },
  'GET /admin/findings/:id/closure': { outcomes: adminsOnly(page) },
  'POST /admin/findings/:id/closure': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/needs-attention$/, true)),
    fields: because,
    sender: 'admin',
  },
  'GET /admin/connections/:id/disconnection': {
    outcomes: adminsOnly(page),
    at: (world) => `/admin/connections/${world.thirdConnection}/disconnection`,
  },
  'GET /admin/users': { outcomes: adminsOnly(page) },
  'GET /admin/users/:id': { outcomes: adminsOnly(page) },
  'GET /admin/users/:id/suspension': { outcomes: adminsOnly(page) },
  'GET /admin/organizers': { outcomes: adminsOnly(page) },
  'GET /admin/organizers/:id': { outcomes: adminsOnly(page) },
  'GET /admin/organizers/:id/suspension': { outcomes: adminsOnly(page) },
  // the walked world is on the simulator, where all is a test and nothing is to choose
  'GET /organizer/events/:id/mode': { outcomes: ownDesk(notFound) },
  'POST /organizer/events/:id/mode': { outcomes: ownDesk(notFound), fields: () => ({ to: 'test' }) },
  'POST /organizer/events/:id/test-orders/removal': { outcomes: ownDesk(notFound) },
  'GET /organizer/payout-preview': { outcomes: ownDesk(page) },
  'GET /admin/organizers/:id/fees': { outcomes: adminsOnly(page) },
  'POST /admin/organizers/:id/fees': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/organizers\/[\w-]+\/fees$/, true)),
    fields: () => ({ ...because(), currency: 'eur', rule: 'own', percent: '1.5', fixed: '0.20' }),
    sender: 'admin',
  },
  'GET /admin/events': { outcomes: adminsOnly(page) },
  'GET /admin/events/:id': { outcomes: adminsOnly(page) },
  'GET /admin/events/:id/suspension': { outcomes: adminsOnly(page) },
  'GET /admin/webhooks': { outcomes: adminsOnly(page) },
  'GET /admin/webhooks/:id': { outcomes: adminsOnly(page) },
  'GET /admin/webhooks/:id/replay': { outcomes: adminsOnly(page) },
  'POST /admin/webhooks/:id/replay': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/webhooks\/evt_/, true)),
    fields: because,
    sender: 'admin',
  },
  'GET /admin/reports': { outcomes: adminsOnly(page) },
  'GET /admin/reports/:id': { outcomes: adminsOnly(page) },
  'GET /admin/reports/:id/decision': { outcomes: adminsOnly(page) },
  'POST /admin/reports/:id/decision': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/reports\//, true)),
    fields: () => ({ ...because(), decision: 'dismissed' }),
    sender: 'admin',
  },
  'GET /admin/mails': { outcomes: adminsOnly(page) },
  'GET /admin/mails/:id': { outcomes: adminsOnly(page) },
  'GET /admin/mails/:id/delivery': { outcomes: adminsOnly(page) },
  'POST /admin/mails/:id/delivery': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/mails\//, true)),
    fields: because,
    sender: 'admin',
  },
  'GET /admin/health': { outcomes: adminsOnly(page) },
  'GET /admin/audit': { outcomes: adminsOnly(page) },
  'GET /admin/audit.csv': { outcomes: adminsOnly(page) },

  'POST /organizer/orders/:id/decision': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/orders\/[\w-]+$/, true), {
      colleague: { status: 409, changes: false },
    }),
    at: decisionOf('desk'),
    fields: () => ({ ...because(), to: 'expired' }),
  },
  'POST /admin/orders/:id/decision': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/orders\/[\w-]+$/, true)),
    at: decisionOf('admin'),
    fields: () => ({ ...because(), to: 'expired' }),
    sender: 'admin',
  },
  'GET /organizer/events/:id/cancellation': { outcomes: membersOnly(page) },
  'POST /organizer/events/:id/cancellation': {
    outcomes: membersOnly(acts, { colleague: leadsTo(EVENT_HOME) }),
    at: event('toCancel', '/cancellation'),
    fields: () => ({ reason: 'The engine is not ready' }),
  },
  'POST /admin/connections/:id/disconnection': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/connections$/, true)),
    at: (world) => `/admin/connections/${world.thirdConnection}/disconnection`,
    fields: () => ({ reason: 'Nobody answers there' }),
    sender: 'admin',
  },
  'GET /admin/organizers/:id/paid-sales': { outcomes: adminsOnly(page) },
  'POST /admin/organizers/:id/paid-sales': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/organizers\//, true)),
    at: (world) => `/admin/organizers/${world.thirdOrganizerId}/paid-sales`,
    fields: () => ({ ...because(), to: 'paused' }),
    sender: 'admin',
  },
  'POST /admin/events/:id/suspension': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/events\//, true)),
    at: (world) => `/admin/events/${world.othersEvent}/suspension`,
    fields: () => ({ ...because(), to: 'suspended' }),
    sender: 'admin',
  },
  'POST /admin/organizers/:id/suspension': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/organizers\//, true)),
    at: (world) => `/admin/organizers/${world.thirdOrganizerId}/suspension`,
    fields: () => ({ ...because(), to: 'suspended' }),
    sender: 'admin',
  },
  'POST /admin/users/:id/suspension': {
    outcomes: adminsOnly(leadsTo(/^\/admin\/users\//, true)),
    at: (world) => `/admin/users/${world.thirdMemberId}/suspension`,
    fields: () => ({ ...because(), to: 'suspended' }),
    sender: 'admin',
  },
  // from here on everybody has a desk, the admin too
  'POST /organizer/organizers': {
    outcomes: signedIn(leadsTo(/^\/organizer$/, true)),
    fields: organizerFields,
  },
  'POST /organizer/current': {
    outcomes: signedIn(notFound, {
      member: leadsTo(/^\/organizer$/),
      colleague: leadsTo(/^\/organizer$/),
    }),
    fields: (world) => ({ organizer_id: world.organizerId }),
  },
  'POST /stripe/connections/:id/disconnection': {
    outcomes: membersOnly(leadsTo(/^\/organizer\/payments$/, true), {
      colleague: forbidden,
      admin: notFound,
    }),
  },
  // everybody is the last owner of something by now
  'POST /account/closure': {
    outcomes: signedIn({ status: 409, changes: false }),
    fields: () => ({ password: PASSWORD }),
  },
  'POST /sign-out': { outcomes: everybody(leadsTo(/^\/$/)) },
};

/** Who is refused comes before the member, and finds everything as it was; the colleague finds it done. */
export const ROLES: Role[] = ['guest', 'buyer', 'other', 'admin', 'member', 'colleague'];

let newcomers = 0;

/** Where this person knocks: the row's own address, or the route with the first organizer's things filled in. */
export function addressOf(route: string, world: World, role: Role): string {
  const row = TABLE[route]!;
  if (row.at) return row.at(world, role);
  const path = route.slice(route.indexOf(' ') + 1);
  const id = /^\/stripe|^\/admin\/connections/.test(path)
    ? world.connection
    : /^\/(organizer|admin)\/organizers\//.test(path)
      ? world.organizerId
      : /^\/(organizer|admin)\/events\//.test(path)
        ? world.event
        : path.startsWith('/admin/orders/') || path.startsWith('/organizer/orders/')
          ? world.orderId
          : path.startsWith('/admin/findings/')
            ? world.findingId
            : path.startsWith('/admin/webhooks/')
              ? world.stripeEventId
              : path.startsWith('/admin/reports/')
                ? world.reportId
                : path.startsWith('/admin/users/')
                  ? world.memberId
                  : world.mailId;
  return path
    .replace(':slug', world.slug)
    .replace(':token', role === 'buyer' ? world.tokens.paid : forged(world.tokens.paid))
    .replace(':id', id);
}

/** A change of the place of an event that people hold tickets of, as it waits for the member's word. */
async function waitingChange(world: World): Promise<Record<string, string>> {
  const member = world.visitor('member');
  const edit = `/organizer/events/${world.event}/edit`;
  const values = await formAt(world, edit, /\/edit$/);
  const fields = { ...values, venue_name: `Hall ${(newcomers += 1)}`, action: 'save' };
  const { location } = await member.send('POST', edit, { fields });
  return formAt(world, location!, /\/change-notice$/);
}

/** What a form of the first organizer's desk holds as it stands. */
async function formAt(world: World, path: string, action: RegExp): Promise<Record<string, string>> {
  const answer = await world.visitor('member').send('GET', path);
  const form = formsOf(answer.html).find((candidate) => action.test(candidate.action));
  if (!form) throw new Error(`No form on ${path} (${answer.status})`);
  const { _csrf, ...values } = form.values;
  return values;
}
