import { type Config } from '../config';

/**
 * Where an account's owner looks after it at Stripe; `payment` opens one payment. In test mode the Dashboard has its own
 * half. With the bundled simulator it is the simulator's own small dashboard.
 */
export function dashboardUrl(
  stripe: Pick<Config['stripe'], 'simulated' | 'connectUrl'>,
  of: { stripeUserId: string; livemode: boolean },
  payment: string | null = null,
): string {
  if (stripe.simulated) return `${stripe.connectUrl}/dashboard/${of.stripeUserId}`;
  const half = `https://dashboard.stripe.com/${of.stripeUserId}${of.livemode ? '' : '/test'}`;
  return payment ? `${half}/payments/${encodeURIComponent(payment)}` : `${half}/dashboard`;
}
