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

export const signUpForm = z
  .object({
    // letters and signs, not only blanks of zero width
    name: textField({ required: 'Enter your name', max: 100 }).refine(
      (name) => /[\p{L}\p{N}\p{P}\p{S}]/u.test(name),
      { error: 'Enter your name' },
    ),
    email: emailField(),
    password: newPassword,
    next: z.string().optional(),
  })
  .refine(({ password, name, email }) => !isOwnWord(password, { name, email }), {
    path: ['password'],
    error: 'Choose a password that is not your name or email address',
  });

export const signInForm = z.object({
  email: emailField(),
  password: givenPassword,
  next: z.string().optional(),
});

export const confirmPasswordForm = z.object({
  password: givenPassword,
  next: z.string().optional(),
});
