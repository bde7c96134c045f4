import { z } from 'zod';
import { emailField, textField } from '../http/forms';
import { passwordProblem } from './password-rules';

/** A password is taken as it was typed: not trimmed, not cleaned. */
const givenPassword = z
  .string({ error: 'Enter your password' })
  .refine((password) => password !== '', { error: 'Enter your password' });

export const signUpForm = z
  .object({
    name: textField({ required: 'Enter your name', max: 100 }),
    email: emailField(),
    password: z.string({ error: 'Enter a password' }),
    next: z.string().optional(),
  })
  .check((ctx) => {
    const problem = passwordProblem(ctx.value.password, ctx.value);
    if (problem) ctx.issues.push({ code: 'custom', path: ['password'], message: problem, input: undefined });
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
