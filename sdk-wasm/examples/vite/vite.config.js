import { fileURLToPath } from "node:url";

export default {
	base: "./",
	// In this repository the package is not installed but built next door; an app of its own leaves this out.
	resolve: { alias: { "@keystead/sdk": fileURLToPath(new URL("../../npm/dist/index.js", import.meta.url)) } },
	worker: { format: "es" },
};
