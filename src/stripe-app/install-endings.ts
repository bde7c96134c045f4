/** Each ending of an install in its own sentence, with what to do next. */
import { type Notice } from '../http/views';
import { type InstallEnding } from './finish-installing';

export function noticeOfInstall(ending: InstallEnding): Notice {
  switch (ending.outcome) {
    case 'installed': {
      const where = ending.livemode ? ending.account : `${ending.account}, in test mode`;
      return ending.checked
        ? {
            kind: 'success',
            text: `Foyer is installed for ${where}. Open a payment in your Stripe Dashboard and sign in to Foyer there.`,
          }
        : {
            kind: 'warning',
            text: `Foyer is installed for ${where}. Stripe did not confirm its access at once; Foyer asks again by itself.`,
          };
    }
    case 'declined':
      return {
        kind: 'info',
        text: 'You did not install the app. Nothing was changed. You can install it whenever you like.',
      };
    case 'stopped_at_stripe':
      return {
        kind: 'error',
        text: 'Stripe stopped the installation, so the app is not installed. Press Install at Stripe to start again.',
      };
    case 'state_missing':
      return {
        kind: 'error',
        text: 'The way back from Stripe was incomplete, so nothing was installed here. Press Install at Stripe to start again.',
      };
    case 'state_expired':
      return {
        kind: 'error',
        text: 'More than ten minutes have passed since you left for Stripe, so nothing was installed here. Press Install at Stripe to start again.',
      };
    case 'state_used':
      return {
        kind: 'warning',
        text: 'This answer from Stripe was used already, so it was not used again. If the app is not there in your Stripe Dashboard, press Install at Stripe to start again.',
      };
    case 'state_unknown':
      return {
        kind: 'error',
        text: 'The way back from Stripe was not one that this browser began here, so nothing was installed. Press Install at Stripe to start again.',
      };
    case 'code_rejected':
      return {
        kind: 'error',
        text: "Stripe's answer had expired or was used already, so the app is not installed here. Press Install at Stripe to start again.",
      };
    case 'unanswered':
      return {
        kind: 'error',
        text: "Stripe didn't answer, so the app is not installed here yet. Wait a moment, then press Install at Stripe to start again.",
      };
    case 'platform_problem':
      return {
        kind: 'error',
        text: 'Stripe does not accept installations of Foyer at this moment. You did nothing wrong, and nothing was installed here. We have been told; try again later.',
      };
    case 'wrong_mode':
      return {
        kind: 'error',
        text: 'The app was installed in another mode (test or live) than you chose here, so nothing was stored. Start again and choose the same mode in both places.',
      };
    case 'wrong_scope':
      return {
        kind: 'error',
        text: 'Stripe granted something else than this app, so nothing was stored. Press Install at Stripe to start again.',
      };
    case 'token_refused':
      return {
        kind: 'error',
        text: 'Stripe gave Foyer access and refused it right afterwards, so the app does not work yet. Press Install at Stripe to install it again.',
      };
  }
}

/** These come without a valid way back: the page that says so leads nowhere else. */
export function isWithoutWayBack({ outcome }: InstallEnding): boolean {
  return ['state_missing', 'state_expired', 'state_used', 'state_unknown'].includes(outcome);
}
