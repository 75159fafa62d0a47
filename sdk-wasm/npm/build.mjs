// Builds dist/: ES modules with types, the worker, the bundle with a global, and the module beside them.
// dist/wasm is made by `cargo xtask wasm`, which runs this.

import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { build } from "esbuild";

const common = { bundle: true, minify: true, target: "es2022", legalComments: "none", logLevel: "warning", external: ["node:*"] };

// TypeScript writes the types; esbuild writes what runs. The glue of wasm-bindgen keeps its own types.
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--emitDeclarationOnly"], { stdio: "inherit" });
cpSync("src/wasm", "dist/wasm", { recursive: true });
await build({ ...common, entryPoints: { index: "src/index.ts", worker: "src/worker.ts" }, outdir: "dist", format: "esm" });
// A page without modules: window.Keystead.default. Worker and module are found beside the script.
await build({
	...common,
	entryPoints: ["src/index.ts"],
	outfile: "dist/keystead.global.js",
	format: "iife",
	globalName: "Keystead",
	define: { KEYSTEAD_GLOBAL: "true", "import.meta.url": "undefined" },
	footer: { js: "globalThis.Keystead=Keystead;" },
});
await build({
	...common,
	entryPoints: ["src/worker.ts"],
	outfile: "dist/keystead.worker.js",
	format: "iife",
	define: { "import.meta.url": "undefined" },
});
rmSync("dist/wasm/.gitignore", { force: true });
