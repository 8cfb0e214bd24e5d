/** What is said wherever damage is shown. */

export const SEEDED_SAYS_LITTLE =
  'These weights are random. Random heads have nothing in common, so this shows what is possible and how long it takes, and says nothing about the trained model.';
