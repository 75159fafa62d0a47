import { fileURLToPath } from "node:url";

export default {
	mode: "production",
	entry: "./src/main.js",
	output: { filename: "main.js", clean: true },
	// In this repository the package is not installed but built next door; an app of its own leaves this out.
	resolve: { alias: { "@keystead/sdk$": fileURLToPath(new URL("../../npm/dist/index.js", import.meta.url)) } },
};
