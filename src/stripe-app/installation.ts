/** An installation of Foyer's Stripe App: a Stripe account lets Foyer into its Dashboard. Pure rules. */

export interface Installation {
  id: string;
  /** the organizer that held the account when the app was installed; null where nobody here did */
  organizerId: string | null;
  stripeUserId: string;
  livemode: boolean;
  scope: string;
  /** `install_again`: Stripe takes our tokens no more, though nobody has said that the app is gone */
  status: 'installed' | 'install_again' | 'uninstalled';
  /** why it has to be installed again */
  statusDetail: 'refresh_refused' | 'token_refused' | null;
  accessTokenExpiresAt: Date | null;
  refreshTokenExpiresAt: Date | null;
  tokenVersion: number;
  /** when Stripe last said that the token is good */
  checkedAt: Date | null;
  installedBy: string | null;
  installedAt: Date;
  statusChangedAt: Date;
  endedAt: Date | null;
  endedBy: 'stripe' | 'new_install' | null;
}
