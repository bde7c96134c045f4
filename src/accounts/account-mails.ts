/** The mails about an account. None repeats what a stranger typed. */
import { newId } from '../lib/ids';
import { type NewMail } from '../mail/outbox';

interface Recipient {
  id: string;
  email: string;
  name: string;
}

export function verificationMail(user: Recipient, url: string): NewMail {
  return {
    dedupeKey: `verify-email:${newId()}`,
    template: 'verify-email',
    recipient: user.email,
    carriesSecret: true,
    content: {
      subject: 'Confirm your email address',
      heading: 'Confirm your email address',
      paragraphs: [
        `Hello ${user.name}, you created a Foyer account with this address. Confirm that it is yours; then you can publish events.`,
        'The link works once, within two days.',
      ],
      action: { label: 'Confirm email address', url },
      footer:
        'If you did not create an account, do nothing: without your confirmation nothing is published under your address.',
    },
  };
}

export function passwordResetMail(user: Recipient, url: string): NewMail {
  return {
    dedupeKey: `reset-password:${newId()}`,
    template: 'reset-password',
    recipient: user.email,
    carriesSecret: true,
    content: {
      subject: 'Choose a new password',
      heading: 'Choose a new password',
      paragraphs: [
        `Hello ${user.name}, somebody asked for a new password for your Foyer account. If it was you, choose one with this link.`,
        'The link works once, within an hour.',
      ],
      action: { label: 'Choose a new password', url },
      footer: 'If it was not you, do nothing. Your password is unchanged.',
    },
  };
}

export function passwordChangedMail(user: Recipient, url: string): NewMail {
  return {
    dedupeKey: `password-changed:${newId()}`,
    template: 'password-changed',
    recipient: user.email,
    content: {
      subject: 'Your password was changed',
      heading: 'Your password was changed',
      paragraphs: [
        `Hello ${user.name}, the password of your Foyer account was changed just now. All other browsers are signed out.`,
        'If it was you, there is nothing to do. If it was not you, choose a new password at once.',
      ],
      action: { label: 'It was not me: choose a new password', url },
      footer: 'You get this mail because this address belongs to a Foyer account.',
    },
  };
}

export function emailChangeMail(newEmail: string, url: string): NewMail {
  return {
    dedupeKey: `change-email:${newId()}`,
    template: 'change-email',
    recipient: newEmail,
    carriesSecret: true,
    content: {
      subject: 'Confirm your new email address',
      heading: 'Confirm your new email address',
      paragraphs: [
        'You want to use this address for your Foyer account. Confirm that it is yours; until then nothing changes.',
        'The link works once, within a day.',
      ],
      action: { label: 'Confirm new address', url },
      footer: 'If you did not ask for this, do nothing: no account gets your address.',
    },
  };
}

/** To the owner of an address that somebody wanted for another account. */
export function addressTakenMail(email: string, url: string): NewMail {
  return {
    dedupeKey: `change-to-taken-address:${email}:${new Date().toISOString().slice(0, 10)}`,
    template: 'change-to-taken-address',
    recipient: email,
    content: {
      subject: 'This address already has a Foyer account',
      heading: 'This address already has an account',
      paragraphs: [
        'Somebody wanted to use your email address for another Foyer account. An address can belong to one account only, so nothing was changed.',
        'If it was you, close the account that has this address first, or go on using it.',
      ],
      action: { label: 'Sign in', url },
      footer:
        'You get this mail because this address belongs to a Foyer account. We send it at most once a day.',
    },
  };
}

/** To the old address, after the change: its owner may be another person than the one who changed it. */
export function emailChangedMail(before: Recipient, newEmail: string): NewMail {
  return {
    dedupeKey: `email-changed:${newId()}`,
    template: 'email-changed',
    recipient: before.email,
    content: {
      subject: 'Your account has a new email address',
      heading: 'Your account has a new email address',
      paragraphs: [
        `Hello ${before.name}, your Foyer account now has the address ${maskedEmail(newEmail)}. Sign in with that one from now on.`,
        'If it was not you, answer this mail at once.',
      ],
      footer: 'This is the last mail to this address about that account.',
    },
  };
}

export function twoFactorMail(user: Recipient, state: 'on' | 'off'): NewMail {
  const words = state === 'on' ? 'turned on' : 'turned off';
  return {
    dedupeKey: `two-factor-${state}:${newId()}`,
    template: `two-factor-${state}`,
    recipient: user.email,
    content: {
      subject: `Codes at sign-in were ${words}`,
      heading: `Codes at sign-in were ${words}`,
      paragraphs: [
        state === 'on'
          ? `Hello ${user.name}, from now on signing in to Foyer takes your password and a code from your app. All other browsers are signed out.`
          : `Hello ${user.name}, from now on signing in to Foyer takes your password alone.`,
        'If it was not you, change your password at once and answer this mail.',
      ],
      footer: 'You get this mail because this address belongs to a Foyer account.',
    },
  };
}

export function recoveryCodeUsedMail(user: Recipient, left: number): NewMail {
  return {
    dedupeKey: `recovery-code-used:${newId()}`,
    template: 'recovery-code-used',
    recipient: user.email,
    content: {
      subject: 'A recovery code was used to sign in',
      heading: 'A recovery code was used to sign in',
      paragraphs: [
        `Hello ${user.name}, somebody signed in to your Foyer account with your password and a recovery code. You have ${left} left.`,
        'If it was not you, change your password at once.',
      ],
      footer: 'You get this mail because this address belongs to a Foyer account.',
    },
  };
}

/** "a…@example.org": enough to recognise one's own, too little to learn another's. */
function maskedEmail(email: string): string {
  const at = email.lastIndexOf('@');
  return `${[...email][0]}…${email.slice(at)}`;
}
