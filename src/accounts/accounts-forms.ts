import { z } from 'zod';
import { emailField, textField } from '../http/forms';
import { isOwnWord, passwordProblem } from './password-rules';

/** A password is taken as it was typed: not trimmed, not cleaned. */
const givenPassword = z
  .string({ error: 'Enter your password' })
  .refine((password) => password !== '', { error: 'Enter your password' });

const newPassword = z.string({ error: 'Enter a password' }).superRefine((password, ctx) => {
  const problem = passwordProblem(password);
  if (problem) ctx.addIssue({ code: 'custom', message: problem });
});

const OWN_WORD = 'Choose a password that is not your name or email address';

export const signUpForm = z
  .object({
    name: personName(),
    email: emailField(),
    password: newPassword,
    next: z.string().optional(),
  })
  .refine(({ password, name, email }) => !isOwnWord(password, { name, email }), {
    path: ['password'],
    error: OWN_WORD,
  });

/** Letters and signs, not only blanks of zero width. */
function personName() {
  return textField({ required: 'Enter your name', max: 100 }).refine(
    (name) => /[\p{L}\p{N}\p{P}\p{S}]/u.test(name),
    { error: 'Enter your name' },
  );
}

export const nameForm = z.object({ name: personName() });

export const forgottenPasswordForm = z.object({ email: emailField() });

/** A new password of somebody whose name and address are known. */
export function newPasswordForm(person: { name: string; email: string }) {
  return z.object({ password: ownPassword(person) });
}

export function changePasswordForm(person: { name: string; email: string }) {
  return z.object({ current_password: givenPassword, password: ownPassword(person) });
}

export const changeEmailForm = z.object({ email: emailField('Enter your new email address') });

export const codeForm = z.object({
  code: textField({ required: 'Enter the code', max: 40 }),
});

function ownPassword(person: { name: string; email: string }) {
  return newPassword.refine((password) => !isOwnWord(password, person), { error: OWN_WORD });
}

export const signInForm = z.object({
  email: emailField(),
  password: givenPassword,
  next: z.string().optional(),
});

export const confirmPasswordForm = z.object({
  password: givenPassword,
  next: z.string().optional(),
});
