/** Every address of Foyer, as a function, so that a link can't point to a page that isn't there. */
const segment = encodeURIComponent;

export const paths = {
  home: () => '/',
  event: (slug: string) => `/events/${segment(slug)}`,
  eventCalendar: (slug: string) => `/events/${segment(slug)}/calendar.ics`,
  eventPoster: (slug: string) => `/events/${segment(slug)}/poster.svg`,
  eventOrders: (slug: string) => `/events/${segment(slug)}/orders`,
  organizerPage: (slug: string) => `/organizers/${segment(slug)}`,

  order: (token: string) => `/orders/${segment(token)}`,
  orderPayment: (token: string) => `/orders/${segment(token)}/payment`,
  orderRelease: (token: string) => `/orders/${segment(token)}/release`,
  orderCalendar: (token: string) => `/orders/${segment(token)}/calendar.ics`,
  orderMails: (token: string) => `/orders/${segment(token)}/mails`,
  ticket: (code: string) => `/tickets/${segment(code)}`,

  signUp: () => '/sign-up',
  signIn: (next?: string) => (next ? `/sign-in?next=${segment(next)}` : '/sign-in'),
  signOut: () => '/sign-out',
  confirmPassword: (next: string) => `/confirm-password?next=${segment(next)}`,

  desk: () => '/organizer',
  newOrganizer: () => '/organizer/organizers/new',
  organizers: () => '/organizer/organizers',
  switchOrganizer: () => '/organizer/current',
  newEvent: (draftId?: string) =>
    draftId ? `/organizer/events/new?draft=${segment(draftId)}` : '/organizer/events/new',
  events: () => '/organizer/events',
  manageEvent: (id: string) => `/organizer/events/${segment(id)}`,
  editEvent: (id: string, draftId?: string) =>
    `/organizer/events/${segment(id)}/edit${draftId ? `?draft=${segment(draftId)}` : ''}`,
  eventPreview: (id: string) => `/organizer/events/${segment(id)}/preview`,
  eventPublication: (id: string) => `/organizer/events/${segment(id)}/publication`,
  eventUnpublication: (id: string) => `/organizer/events/${segment(id)}/unpublication`,
  eventCancellation: (id: string) => `/organizer/events/${segment(id)}/cancellation`,
  discardDraft: (draftId: string) => `/organizer/drafts/${segment(draftId)}/removal`,
  eventOrderList: (id: string) => `/organizer/events/${segment(id)}/orders`,
  deskOrder: (id: string) => `/organizer/orders/${segment(id)}`,

  payments: () => '/organizer/payments',
  stripeConnect: () => '/stripe/connect',
  stripeCallback: () => '/stripe/callback',
  disconnection: (connectionId: string) => `/stripe/connections/${segment(connectionId)}/disconnection`,
  connectionRefresh: (connectionId: string) => `/stripe/connections/${segment(connectionId)}/refresh`,

  admin: () => '/admin',
  adminConnections: () => '/admin/connections',
  adminDisconnection: (connectionId: string) => `/admin/connections/${segment(connectionId)}/disconnection`,
  adminAttention: () => '/admin/needs-attention',
  adminOrder: (id: string) => `/admin/orders/${segment(id)}`,
  adminAudit: () => '/admin/audit',
  adminAuditCsv: () => '/admin/audit.csv',
  adminWebhooks: () => '/admin/webhooks',
  adminWebhook: (id: string) => `/admin/webhooks/${segment(id)}`,
  adminReplay: (id: string) => `/admin/webhooks/${segment(id)}/replay`,

  webhooks: () => '/webhooks/stripe',
  devMail: () => '/dev/mail',
  devMailItem: (id: string) => `/dev/mail/${segment(id)}`,
  devComponents: () => '/dev/components',
  asset: (name: string) => `/assets/${name}`,
  health: () => '/healthz',
  ready: () => '/readyz',
};
