import Keystead from "@keystead/sdk";

const options = new URLSearchParams(location.search);

async function run() {
	await Keystead.init({ app_token: options.get("token"), base_url: options.get("server") ?? undefined });
	const [identifier, password] = Keystead.generateRegisterData();
	await Keystead.register(identifier, password);
	const user = await Keystead.login(identifier, password, true);
	const group = await user.getGroup(await user.createGroup());
	return group.decryptString(await group.encryptString("hello from webpack"));
}

run().then(
	(text) => (document.getElementById("result").value = text),
	(error) => (document.getElementById("result").value = `${error.name}: ${error.message}`),
);
