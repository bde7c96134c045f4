/** Each ending of the dance with Stripe, and of a connection, in its own sentence, with what to do next. */
import { type Notice } from '../http/views';
import { accountName, canTakeCharges } from './connection';
import { type DisconnectState } from './disconnect';
import { type Ending } from './finish-connecting';

export const declined: Notice = {
  kind: 'info',
  text: 'You did not connect a Stripe account. Nothing was changed. You can connect whenever you like; free tickets need no account.',
};

export const usedBefore: Notice = {
  kind: 'warning',
  text: 'This answer from Stripe was used already, so it was not used again. No account is connected yet. Press Connect with Stripe to start again.',
};

export function noticeFor(ending: Ending): Notice {
  switch (ending.outcome) {
    case 'connected':
      if (ending.insteadOf)
        return {
          kind: 'warning',
          text: `Connected to ${accountName(ending.connection)}. That is another account than ${accountName(ending.insteadOf)}, which is still disconnected: events and orders of that one stay with it.${placeInWords(ending.isDefault)}`,
        };
      return canTakeCharges(ending.connection)
        ? {
            kind: 'success',
            text: `Connected to ${accountName(ending.connection)}. Buyers pay you directly, on this account.${ending.isDefault ? '' : placeInWords(false)}`,
          }
        : {
            kind: 'warning',
            text: `Connected to ${accountName(ending.connection)}. Stripe does not let this account take payments yet; finish what Stripe asks for in your Stripe Dashboard, and paid sales start by themselves.`,
          };
    case 'already_connected':
      return {
        kind: 'info',
        text: `${accountName(ending.connection)} is connected already. Nothing was changed.`,
      };
    case 'being_ended':
      return {
        kind: 'warning',
        text: `${accountName(ending.connection)} is being disconnected. Connect it again when that has finished.`,
      };
    case 'code_rejected':
      return {
        kind: 'error',
        text: "Stripe's answer had expired or was used already, so your account is not connected. Press Connect with Stripe to start again.",
      };
    case 'unanswered':
      return {
        kind: 'error',
        text: "Stripe didn't answer, so your account is not connected yet. Wait a moment, then press Connect with Stripe to start again.",
      };
    case 'platform_problem':
      return {
        kind: 'error',
        text: 'Stripe does not accept connections to Foyer at this moment. You did nothing wrong, and your account is not connected. We have been told; try again later.',
      };
    case 'wrong_mode':
      return {
        kind: 'error',
        text: 'The account was connected in another mode (test or live) than this page is in, so nothing was stored. Start again and choose the account in the right mode.',
      };
    case 'own_account':
      return {
        kind: 'error',
        text: "This is Foyer's own Stripe account. Connect the account that your ticket money should go to.",
      };
    case 'read_only':
      return {
        kind: 'error',
        text: 'Stripe granted only the right to look at this account, not to take payments on it, so it is not connected and Foyer gave that right back. Start again and allow Foyer to take payments.',
      };
    case 'other_organizer':
      return { kind: 'error', text: 'This Stripe account is not connected here.' };
    case 'second_account':
      return {
        kind: 'error',
        text: 'Another Stripe account was connected here meanwhile, so this one is not. If you want both, press “Connect another account”.',
      };
  }
}

function placeInWords(isDefault: boolean): string {
  return isDefault
    ? ' It is your default account from now on: events that name no other send their money there.'
    : ' Your default account stays the same; choose this one in an event, or make it the default.';
}

export function noticeOfDisconnect(outcome: DisconnectState): Notice {
  switch (outcome.state) {
    case 'disconnected':
      return {
        kind: 'success',
        text: 'Disconnected. Foyer has no access to the Stripe account any more. Paid tickets are off sale; free tickets go on.',
      };
    case 'waiting':
      return {
        kind: 'info',
        text: `Paid sales have stopped. ${underWay(outcome)} still under way; the account is disconnected as soon as ${outcome.openOrders + outcome.openRefunds === 1 ? 'it is' : 'they are'} settled.`,
      };
    case 'stripe_unclear':
      return {
        kind: 'warning',
        text: "Paid sales have stopped. Stripe hasn't confirmed the end of the connection yet; Foyer keeps asking.",
      };
  }
}

function underWay({ openOrders, openRefunds }: { openOrders: number; openRefunds: number }): string {
  const payments = openOrders === 1 ? 'one payment' : `${openOrders} payments`;
  const refunds = openRefunds === 1 ? 'one refund' : `${openRefunds} refunds`;
  const words = [...(openOrders > 0 ? [payments] : []), ...(openRefunds > 0 ? [refunds] : [])].join(' and ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} ${openOrders + openRefunds === 1 ? 'is' : 'are'}`;
}
