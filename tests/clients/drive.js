// Does with toxiproxy-node-client all that it can do; prints one JSON object per step, for the test to compare.
"use strict";

const { Toxiproxy } = require("toxiproxy-node-client");

const [url, upstream] = process.argv.slice(2);

async function main() {
  const toxiproxy = new Toxiproxy(url);
  const said = {};
  const failure = async (call) => {
    try {
      await call();
      return "no error";
    } catch (error) {
      return error.message;
    }
  };

  said.version = Object.keys(JSON.parse(await toxiproxy.getVersion()));
  const proxy = await toxiproxy.createProxy({ name: "db", listen: "127.0.0.1:0", upstream });
  said.created = { ...proxy.toJson(), listen: /^127\.0\.0\.1:\d+$/.test(proxy.listen) };
  said.twice = await failure(() => toxiproxy.createProxy({ name: "db", listen: "127.0.0.1:0", upstream }));
  said.found = (await toxiproxy.get("db")).listen === proxy.listen;
  said.missing = await failure(() => toxiproxy.get("nobody"));

  const toxic = await proxy.addToxic({
    name: "slow", type: "latency", stream: "downstream", toxicity: 1, attributes: { latency: 30, jitter: 0 },
  });
  said.toxic = toxic.toJson();
  said.updated = (await toxic.update({ ...toxic.toJson(), attributes: { latency: 40 } })).toJson();
  said.toxicFound = (await proxy.getToxic("slow")).toJson();
  said.wrongType = await failure(() => proxy.addToxic({ name: "x", type: "poison", stream: "upstream", toxicity: 1 }));
  await toxic.remove();
  said.toxicGone = await failure(() => proxy.getToxic("slow"));

  const disabled = await proxy.update({ enabled: false, listen: proxy.listen, upstream });
  said.disabled = [disabled.enabled, disabled.listen === proxy.listen];
  await toxiproxy.reset();
  said.reset = (await toxiproxy.get("db")).enabled;

  const made = await toxiproxy.populate([
    { name: "db", listen: proxy.listen, upstream },
    { name: "cache", listen: "127.0.0.1:0", upstream, enabled: false },
  ]);
  said.populated = Object.values(made).map((each) => [each.name, each.enabled]);
  said.all = Object.keys(await toxiproxy.getAll()).sort();
  for (const each of Object.values(await toxiproxy.getAll())) await each.remove();
  said.none = await toxiproxy.getAll();

  console.log(JSON.stringify(said));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
