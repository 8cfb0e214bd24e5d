// Unit tests that no clock limits: long computations, compared with other engines' or in closed form. With every case they run beside the
// tests inside the editors, which wait for a window half of the time, and take only what those leave of the processor.

/** Folders and files of test/unit; test/unit/tools/patient.test.ts sees that no clock is read in them. */
export const PATIENT = [
  'attention/',
  'cli/streams.test.ts',
  'config/classValues.test.ts',
  'config/loaderValues.test.ts',
  'drawing/difference.test.ts',
  'drawing/figure.test.ts',
  'drawing/step.test.ts',
  'effects/',
  'families/',
  'heads/convert.test.ts',
  'heads/damagedWeights.test.ts',
  'heads/forward.test.ts',
  'heads/golden.test.ts',
  'heads/inductionEffect.test.ts',
  'heads/lens.test.ts',
  'heads/seeded.test.ts',
  'heads/stories.test.ts',
  'insight/',
  'present/hostile.test.ts',
  'tradeoff/',
  'weights/forwardLibllama.test.ts',
  'weights/hostile.test.ts',
  'weights/hostileTokenizers.test.ts',
  'weights/libllamaTokens.test.ts',
];

/** As vitest filters files. */
export const patientFiles = () => PATIENT.map((place) => `test/unit/${place}`);

/** Arguments of vitest for all other files. */
export const withoutPatient = () =>
  patientFiles().flatMap((place) => ['--exclude', place.endsWith('/') ? `${place}**` : place]);
