/**
 * What Foyer's extension in Stripe's Dashboard and its backend say to each other: types and addresses alone, so that both
 * sides (and the browser bundle) may import it.
 *
 * **Each request** carries the signature of `fetchStripeSignature()` in the header `Stripe-Signature`, and in its query who
 * asks: `user_id` (usr_…), `account_id` (acct_…) and `mode` (live | test). Signed is exactly
 * `{"user_id":…,"account_id":…}`; the mode is the Dashboard's word and only chooses between what that account may see
 * anyway. No signature ever stands in an address. Answers are JSON, never cached.
 *
 * **Refusals** are an `ApiRefusal` with status 400 (identifiers or signature), 401 (not signed in to Foyer), 404 (nothing
 * of Foyer's there), 429, or 502 (the other side can't be reached); the message is meant for the person.
 */

/** With this in front, the path of each request; the manifest's `connect-src` names this folder and nothing else. */
export const API_PREFIX = '/api/';

export const API_PATHS = {
  userinfo: () => '/api/oauth/userinfo',
  login: () => '/api/oauth/login',
  logout: () => '/api/oauth/logout',
  payment: (paymentIntentId: string) => `/api/payments/${encodeURIComponent(paymentIntentId)}`,
};

export const SIGNATURE_HEADER = 'Stripe-Signature';

export type ExtensionMode = 'live' | 'test';

/** The query of each request. */
export interface ExtensionIdentity {
  user_id: string;
  account_id: string;
  mode: ExtensionMode;
}

/** GET /api/oauth/userinfo: who the person is in Foyer. 401 until they have signed in and confirmed their address. */
export interface UserInfo {
  name: string;
  email: string;
  /** the organizers that they are a member of */
  organizers: { name: string }[];
  /** absolute: where they see and take back what they allowed */
  grantsUrl: string;
}

/**
 * GET /api/oauth/login: Foyer's authorize address with its state in it. Asked with `Accept: application/json` (the
 * extension does: a frame can't read where a 303 leads) it is answered as this, otherwise as a 303 to the same address.
 */
export interface LoginAddress {
  /** absolute; to be opened in a window of its own, once */
  url: string;
  /** seconds for which the address can be used */
  expiresIn: number;
}

/** POST /api/oauth/logout: 204, no body, also when nobody was signed in. No body is sent. */
export type LoggedOut = undefined;

/** An amount as Foyer writes it everywhere: `€42.50`. The extension does no sums. */
export interface MoneyText {
  /** integer minor units; text, as JSON numbers are floats */
  minor: string;
  /** lower-case ISO 4217 */
  currency: string;
  text: string;
}

export type Tone = 'green' | 'amber' | 'red' | 'neutral';

/** GET /api/payments/:id: the order that the payment intent paid. 404 if it is not this person's to see. */
export interface PaymentDetails {
  order: {
    reference: string;
    /** the desk's badge for the state of the order */
    status: { label: string; tone: Tone };
    /** absolute: the order on the organizer's desk */
    url: string;
    /** ISO 8601, UTC */
    placedAt: string;
  };
  /** null once their details were erased */
  buyer: { name: string; email: string } | null;
  event: {
    title: string;
    /** in words with the event's zone: `Fri 12 Mar 2027, 19:30, Berlin time` */
    startsText: string;
    /** absolute: the event on the organizer's desk */
    url: string;
  };
  /** in the order's sequence */
  tickets: {
    type: string;
    status: 'valid' | 'void';
    /** as startsText; null = not checked in */
    checkedInText: string | null;
  }[];
  money: {
    paid: MoneyText;
    /** null = nothing was given back */
    refunded: MoneyText | null;
    platformFee: MoneyText;
  };
}

export interface ApiRefusal {
  error: {
    code: RefusalCode;
    /** plain words for the person, without anything secret */
    message: string;
  };
}

export type RefusalCode =
  'bad_request' | 'bad_signature' | 'not_signed_in' | 'not_found' | 'too_many_requests' | 'out_of_reach';
