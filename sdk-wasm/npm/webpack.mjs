// Builds the webpack example of the working directory as `webpack` of webpack-cli would, which brings more packages than webpack itself.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import webpack from "webpack";

const { default: config } = await import(pathToFileURL(resolve("webpack.config.js")));
webpack({ context: process.cwd(), ...config }, (error, stats) => {
	if (error || stats.hasErrors()) {
		console.error(error ?? stats.toString());
		process.exitCode = 1;
	} else {
		console.log(stats.toString({ all: false, assets: true, warnings: true }));
	}
});
