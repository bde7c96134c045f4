/** What the Stripe App asks of an account, least first; the manifest and the page of the app say the same. */
export interface AppPermission {
  /** Stripe's name of it (docs.stripe.com/stripe-apps/reference/permissions) */
  permission: string;
  /** in plain words */
  title: string;
  /** why, in one sentence: Stripe shows it to whoever installs the app */
  purpose: string;
}

export const APP_PERMISSIONS: AppPermission[] = [
  {
    permission: 'secret_write',
    title: 'Keep a secret for the app',
    purpose:
      'To keep each person’s sign-in to Foyer in Stripe’s own Secret Store, where nobody else can read it.',
  },
  {
    permission: 'event_read',
    title: 'Hear of events',
    purpose: 'To notice when you uninstall the app, so that Foyer deletes what it kept for it.',
  },
];
