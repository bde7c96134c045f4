/** Where the money of one ticket goes, before it is sold: the same arithmetic as at the hold, and an estimate of Stripe's part. */
import { formatMoney } from '../lib/money';
import { feeOfTicket, type FeePolicy } from './fees';
import { estimateStripeFee, RATES_OF } from './stripe-rates';

/** All in minor units, for one ticket that is paid for alone. */
export interface Payout {
  buyerPays: bigint;
  platform: bigint;
  /** an estimate; null = not known */
  stripe: bigint | null;
  /** null where Stripe's part is not known */
  organizerGets: bigint | null;
}

export function payoutOf(
  ticket: { price: bigint; passedOnFee: bigint | null },
  currency: string,
  policy: FeePolicy,
  account: { country: string | null; defaultCurrency: string | null } | null,
): Payout {
  const platform = feeOfTicket(
    { unitPrice: ticket.price, passedOnFee: ticket.passedOnFee },
    currency,
    policy,
  );
  const stripe = estimateStripeFee(ticket.price, currency, account);
  return {
    buyerPays: ticket.price,
    platform,
    stripe,
    organizerGets: stripe === null ? null : ticket.price - platform - stripe,
  };
}

export interface PayoutWords {
  buyer: string;
  stripe: string;
  platform: string;
  organizer: string;
}

export function payoutInWords(payout: Payout, currency: string): PayoutWords {
  const money = (amount: bigint) => formatMoney(amount, currency);
  const { buyerPays, platform, stripe, organizerGets } = payout;
  return {
    buyer: money(buyerPays),
    stripe: stripe === null ? 'We don’t know' : `about ${money(stripe)}`,
    platform: money(platform),
    organizer:
      organizerGets === null
        ? `${money(buyerPays - platform)}, less Stripe’s fee`
        : `about ${money(organizerGets)}`,
  };
}

export const ESTIMATE_NOTE = `For one ticket in an order of its own. Stripe’s part is our estimate, by its standard rates for cards of your account’s country as of ${RATES_OF}; what Stripe really takes depends on the card and on what you have agreed with it.`;
