/**
 * Foyer's Stripe App as Stripe is told of it: the manifest, made from settings alone. Fields and limits:
 * docs.stripe.com/stripe-apps/reference/app-manifest; that only public https addresses are taken is what an upload answers.
 */
import { isIP } from 'node:net';
import { paths } from '../paths';
import { API_PREFIX } from './contract';
import { APP_PERMISSIONS, type AppPermission } from './permissions';

export interface ManifestSettings {
  /** globally unique at Stripe and for ever: `org.example.tickets` */
  appId: string | null;
  /** each upload needs one that was not there before */
  version: string;
  /** this Foyer's address, without a path */
  baseUrl: string;
  /** further Foyers (staging) that the same app may come back to */
  redirectUris: string[];
}

export interface AppManifest {
  id: string;
  version: string;
  name: string;
  icon: string;
  distribution_type: 'public';
  stripe_api_access_type: 'oauth';
  sandbox_install_compatible: true;
  /** the first is where Stripe leads to when an install names none */
  allowed_redirect_uris: string[];
  permissions: Pick<AppPermission, 'permission' | 'purpose'>[];
  post_install_action: { type: 'settings' };
  ui_extension: {
    views: { viewport: string; component: string }[];
    content_security_policy: { 'connect-src': string[]; 'image-src': null; purpose: string };
  };
  constants: { foyer_url: string };
}

/** All problems at once, each beginning with the setting to change. */
export class ManifestError extends Error {
  constructor(readonly problems: string[]) {
    super(`Stripe would not take this app:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ManifestError';
  }
}

/** Throws a `ManifestError`. */
export function appManifest({ appId, version, baseUrl, redirectUris }: ManifestSettings): AppManifest {
  const callback = `${baseUrl}${paths.stripeAppCallback()}`;
  const problems = [
    ...idProblems(appId),
    ...addressProblems('BASE_URL', baseUrl),
    ...redirectUris.flatMap((uri) => addressProblems('STRIPE_APP_REDIRECT_URIS', uri, { path: true })),
  ];
  if (!/^\d+\.\d+\.\d+$/.test(version)) problems.push('--version: is three numbers, such as 1.0.2');
  if (problems.length > 0) throw new ManifestError([...new Set(problems)]);

  return {
    id: appId!,
    version,
    name: 'Foyer',
    icon: './icon.png',
    distribution_type: 'public',
    stripe_api_access_type: 'oauth',
    sandbox_install_compatible: true,
    allowed_redirect_uris: [callback, ...redirectUris.filter((uri) => uri !== callback)],
    permissions: APP_PERMISSIONS.map(({ permission, purpose }) => ({ permission, purpose })),
    post_install_action: { type: 'settings' },
    ui_extension: {
      views: [
        { viewport: 'stripe.dashboard.payment.detail', component: 'PaymentOrder' },
        { viewport: 'settings', component: 'FoyerSettings' },
      ],
      content_security_policy: {
        'connect-src': [`${baseUrl}${API_PREFIX}`],
        'image-src': null,
        purpose: 'To ask Foyer for the order, the buyer and the tickets that belong to a payment.',
      },
    },
    constants: { foyer_url: baseUrl },
  };
}

function idProblems(appId: string | null): string[] {
  if (appId && /^[a-z0-9]+(\.[a-z0-9_-]+)+$/i.test(appId)) return [];
  return [
    'STRIPE_APP_ID: is a name of your own that no other app has, such as your domain turned round: org.example.tickets',
  ];
}

function addressProblems(setting: string, address: string, { path = false } = {}): string[] {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url?.protocol !== 'https:' || !isPublicHost(url.hostname))
    return [`${setting}: ${address} is no https:// address of a host that the whole world reaches`];
  if (path && (url.pathname === '/' || url.hash !== ''))
    return [`${setting}: ${address} has no path, or a part after #`];
  return [];
}

/** A name with a dot in it that is not kept for one's own machine or network. */
function isPublicHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '');
  return isIP(name) === 0 && /\.[a-z]{2,}$/.test(name) && !/\.(localhost|local|internal|test)$/.test(name);
}
