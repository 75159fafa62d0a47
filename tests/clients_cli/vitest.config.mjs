// The suite's own configuration makes projects of it, and what the command line says of `maxConcurrency` does not reach those.
export default { test: { include: ["**/*.e2e.test.ts"], maxConcurrency: 2 } };
