import { type AccountLimits } from './account-limits';
import { type Passwords } from './passwords';
import { type User, type UsersStore } from './users-store';

/**
 * Invariant: an unknown address, a wrong password and a disabled account can't be told apart, neither by the answer nor
 * by the time it takes. Answers the person, or null.
 */
export async function signIn(
  { users, passwords, limits }: { users: UsersStore; passwords: Passwords; limits: AccountLimits },
  tried: { email: string; password: string; address: string | undefined },
): Promise<User | null> {
  await limits.countSignIn(tried.email, tried.address);
  const user = await users.findByEmail(tried.email);
  const right = await passwords.matches(user?.passwordHash ?? null, tried.password);
  if (!user || !right || user.disabled) return null;
  await limits.forgetSignIns(tried.email);
  return user;
}
