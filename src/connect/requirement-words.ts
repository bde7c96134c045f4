/** Stripe's names of what it asks for (docs.stripe.com/api/accounts/object#requirements), in words a person understands. */

const WHOLE: Record<string, string> = {
  external_account: 'A bank account for payouts',
  business_type: 'What kind of business you are',
  'business_profile.url': 'The address of your website',
  'business_profile.mcc': 'What you sell',
  'business_profile.product_description': 'A description of what you sell',
  'business_profile.support_phone': 'A phone number for your customers',
  'business_profile.support_email': 'An email address for your customers',
  'business_profile.support_url': 'A help page for your customers',
  'business_profile.annual_revenue': 'What you expect to earn in a year',
  'business_profile.estimated_worker_count': 'How many people work for you',
  'settings.payments.statement_descriptor': 'Your name on bank statements',
  'company.name': 'The name of your company',
  'company.tax_id': 'The tax or registration number of your company',
  'company.vat_id': 'The VAT number of your company',
  'company.phone': 'The phone number of your company',
  'company.directors_provided': 'Who the directors are',
  'company.owners_provided': 'Who owns the company',
  'company.executives_provided': 'Who runs the company',
  'company.verification.document': 'A document that proves your company',
};

/** By what the name begins with. */
const GROUPS: [string, string][] = [
  ['tos_acceptance.', 'Your agreement to the terms of Stripe'],
  ['company.address', 'The address of your company'],
  ['company.ownership_declaration', 'Your statement of who owns the company'],
  ['documents.bank_account_ownership_verification', 'Proof that the bank account is yours'],
  ['documents.company', 'A document that proves your company'],
  ['documents.proof_of_registration', 'Proof that your company is registered'],
  ['interv_', 'Answers to a question that Stripe has sent you'],
];

/** Of a person: whose they are is said in front. */
const OF_PERSON: [string, string][] = [
  ['first_name', 'name'],
  ['last_name', 'name'],
  ['full_name_aliases', 'other names'],
  ['dob', 'date of birth'],
  ['address', 'home address'],
  ['email', 'email address'],
  ['phone', 'phone number'],
  ['id_number', 'personal identification number'],
  ['ssn_last_4', 'last digits of the social security number'],
  ['nationality', 'nationality'],
  ['political_exposure', 'whether they hold a public office'],
  ['relationship', 'role in the company'],
  ['verification.document', 'identity document'],
  ['verification.additional_document', 'proof of address'],
  ['verification.proof_of_liveness', 'picture of the face'],
];

const WHOSE: Record<string, string> = {
  individual: 'Your',
  representative: 'The representative’s',
  owners: 'The owners’',
  directors: 'The directors’',
  executives: 'The managers’',
};

/** "individual.verification.document" → "Your identity document"; what is not known is shown as Stripe calls it. */
export function requirementWords(name: string): string {
  if (Object.hasOwn(WHOLE, name)) return WHOLE[name]!;
  const group = GROUPS.find(([beginning]) => name.startsWith(beginning));
  if (group) return group[1];
  const [first = '', ...rest] = name.split('.');
  const whose = Object.hasOwn(WHOSE, first)
    ? WHOSE[first]
    : first.startsWith('person_')
      ? 'A person’s'
      : null;
  const what = OF_PERSON.find(
    ([field]) => rest.join('.') === field || rest.join('.').startsWith(`${field}.`),
  );
  if (whose && what) return `${whose} ${what[1]}`;
  return `Something that Stripe calls “${name.replaceAll('_', ' ').replaceAll('.', ', ')}”`;
}

/** The same in a list, each thing once: Stripe asks for day, month and year apart. */
export function requirementsInWords(names: string[]): string[] {
  return [...new Set(names.map(requirementWords))];
}

/** Why Stripe has switched charges or payouts off, as a sentence; null for reasons that say nothing more. */
export function disabledReasonWords(reason: string | null): string | null {
  if (reason === null) return null;
  if (Object.hasOwn(REASONS, reason)) return REASONS[reason]!;
  return `Stripe gives a reason that it calls “${reason.replaceAll('_', ' ').replaceAll('.', ', ')}”.`;
}

const REASONS: Record<string, string> = {
  'requirements.past_due': 'Stripe waits for details that were due and are still missing.',
  'requirements.pending_verification': 'Stripe is checking the details that were given.',
  'action_required.requested_capabilities': 'Stripe waits until taking payments is switched on there.',
  under_review: 'Stripe is looking at the account.',
  listed: 'Stripe is comparing the account with a list of excluded persons or businesses.',
  platform_paused: 'The account was paused at Stripe.',
  'rejected.fraud': 'Stripe has closed the account because it suspects fraud.',
  'rejected.incomplete_verification': 'Stripe has closed the account because it could not verify it.',
  'rejected.listed':
    'Stripe has closed the account because it stands on a list of excluded persons or businesses.',
  'rejected.terms_of_service': 'Stripe has closed the account because of its terms.',
  'rejected.other': 'Stripe has closed the account.',
  'rejected.platform_fraud': 'The account was closed at Stripe because fraud is suspected.',
  'rejected.platform_terms_of_service': 'The account was closed at Stripe because of terms of use.',
  'rejected.platform_other': 'The account was closed at Stripe.',
};
