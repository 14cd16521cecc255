// Signature vectors made by implementations that are not ours, at a fixed time, so that a second run makes the same file.
// Each maker also checks its own vector where its library can verify.
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { sign as signInitData, validate as validateInitData } from "@telegram-apps/init-data-node";
import { SignJWT } from "jose";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";

const require = createRequire(import.meta.url);
require("@shopify/shopify-api/adapters/node");
const { ApiVersion, LogSeverity, shopifyApi } = require("@shopify/shopify-api");
// Signing is internal to the library (it only exports checking), hence by path.
const internals = dirname(require.resolve("@shopify/shopify-api"));
const { generateLocalHmac, validateHmac } = require(join(internals, "utils/hmac-validator.js"));
const { createSHA256HMAC } = require(join(internals, "../runtime/crypto/utils.js"));
const { checkSignature } = require("@grammyjs/validator");

const NOW = 1795341600; // 2026-11-22T10:00:00Z
Date.now = () => NOW * 1000;

const SHOPIFY_SECRET = "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";
const BOT_TOKEN = "7000000001:AAExampleTokenOfABotThatIsNotThere00";
const shopify = shopifyApi({
  apiKey: "0123456789abcdef0123456789abcdef",
  apiSecretKey: SHOPIFY_SECRET,
  hostName: "vouch.example",
  apiVersion: ApiVersion.October25,
  isEmbeddedApp: true,
  logger: { level: LogSeverity.Error },
});

const bodies = {
  small: '{"id":1}',
  cyrillic: '{"note":"Спасибо за кофе ☕","total_price":"12.50"}',
  spaced: '{ "id": 820982911946154508,\n  "email": "jon@example.com", "total_price": "403.00" }',
  empty_object: "{}",
};
const b64 = (text) => Buffer.from(text, "utf-8").toString("base64");
const must = (truth, what) => { if (!truth) throw new Error(`the maker's own check fails: ${what}`); };

async function shopifyWebhooks() {
  const vectors = [];
  for (const [name, body] of Object.entries(bodies)) {
    const header = await createSHA256HMAC(SHOPIFY_SECRET, body, "base64");
    vectors.push({ name, secret: SHOPIFY_SECRET, body: b64(body), header });
  }
  return vectors;
}

async function signedQueries(signator, cases) {
  const field = signator === "admin" ? "hmac" : "signature";
  const vectors = [];
  for (const [name, query] of Object.entries(cases)) {
    const mac = await generateLocalHmac(shopify.config)(query, signator);
    must(await validateHmac(shopify.config)({ ...query, [field]: mac }, { signator }), name);
    const pairs = Object.entries(query).flatMap(([k, v]) => (Array.isArray(v) ? v.map((one) => [k, one]) : [[k, v]]));
    vectors.push({ name, secret: SHOPIFY_SECRET, now: NOW, query: [...pairs, [field, mac]] });
  }
  return vectors;
}

const proxyCases = {
  anonymous: { shop: "vouch-demo.myshopify.com", logged_in_customer_id: "", path_prefix: "/apps/vouch", timestamp: `${NOW}` },
  customer: { shop: "vouch-demo.myshopify.com", logged_in_customer_id: "7001", path_prefix: "/apps/vouch", timestamp: `${NOW - 90}` },
  own_parameters: { product_id: "8001", lang: "ру", q: "a b&c=d", shop: "other-brand.myshopify.com", logged_in_customer_id: "7002", path_prefix: "/community/vouch", timestamp: `${NOW + 90}` },
  repeats: { ids: ["1", "2", "3"], shop: "vouch-demo.myshopify.com", logged_in_customer_id: "", path_prefix: "/apps/vouch", timestamp: `${NOW}` },
};
const oauthCases = {
  callback: { code: "0907a61c0c8d55e99db179b68161bc00", shop: "vouch-demo.myshopify.com", state: "0.6784241404160823", timestamp: `${NOW}` },
  with_host: { code: "abc", host: "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvdm91Y2gtZGVtbw", shop: "vouch-demo.myshopify.com", state: "st-1", timestamp: `${NOW - 60}` },
  escaped: { code: "a b/c+d", host: "YQ==", shop: "vouch-demo.myshopify.com", state: "a&b=c%", timestamp: `${NOW}` },
};

async function sessionTokens() {
  const shop = "vouch-demo.myshopify.com";
  const claims = { iss: `https://${shop}/admin`, dest: `https://${shop}`, aud: shopify.config.apiKey, sub: "42", exp: NOW + 60, nbf: NOW, iat: NOW, jti: "f8912129-1af6-4cad-9ca3-76b0f7621087", sid: "aaea182f2732d44c23057c0fea584021a4485b2bd25d3eb7fd349313ad24c685" };
  const token = await new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(new TextEncoder().encode(SHOPIFY_SECRET));
  return [{ name: "app_bridge", secret: SHOPIFY_SECRET, api_key: shopify.config.apiKey, now: NOW, token, shop, user_id: "42" }];
}

function standardWebhooks() {
  const old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const fresh = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
  const at = new Date(NOW * 1000);
  const vectors = [];
  for (const [name, body] of Object.entries(bodies)) {
    const id = `msg_${name}`;
    const signature = new StandardWebhook(old).sign(id, at, body);
    must(new SvixWebhook(old).sign(id, at, body) === signature, name);
    vectors.push({ name, secrets: [old], now: NOW, id, timestamp: `${NOW}`, body: b64(body), signature });
  }
  const both = ["v1a,c29tZXRoaW5nIGVsc2U=", new SvixWebhook(fresh).sign("msg_both", at, bodies.small), new SvixWebhook(old).sign("msg_both", at, bodies.small)].join(" ");
  vectors.push({ name: "sender_rotates", secrets: [old], now: NOW, id: "msg_both", timestamp: `${NOW}`, body: b64(bodies.small), signature: both });
  vectors.push({ name: "receiver_rotates", secrets: [fresh, old], now: NOW, id: "msg_old", timestamp: `${NOW}`, body: b64(bodies.small), signature: new SvixWebhook(old).sign("msg_old", at, bodies.small) });
  return vectors;
}

function initData() {
  const user = { id: 279058397, first_name: "Вася & Co", last_name: "", username: "vdkfrost", language_code: "ru", is_premium: true };
  const data = signInitData({ query_id: "AAHdF6IQAAAAAN0XohDhrOrc", user, start_param: "amb_1" }, BOT_TOKEN, new Date(NOW * 1000));
  validateInitData(data, BOT_TOKEN, { expiresIn: 0 });
  const plain = signInitData({ user: { id: 1, first_name: "Ann" }, signature: "c2lnbmF0dXJl" }, BOT_TOKEN, new Date((NOW - 600) * 1000));
  return [
    { name: "mini_app", bot_token: BOT_TOKEN, now: NOW, init_data: data, user_id: user.id },
    { name: "with_third_party_signature", bot_token: BOT_TOKEN, now: NOW, init_data: plain, user_id: 1 },
  ];
}

function telegramLogin() {
  const { createHash } = require("node:crypto");
  const fields = { id: "279058397", first_name: "Вася", username: "vdkfrost", photo_url: "https://t.me/i/userpic/320/a.jpg", auth_date: `${NOW}` };
  const check = Object.keys(fields).sort().map((k) => `${k}=${fields[k]}`).join("\n");
  const hash = createHmac("sha256", createHash("sha256").update(BOT_TOKEN).digest()).update(check).digest("hex");
  must(checkSignature(BOT_TOKEN, { ...fields, hash }), "login");
  return [{ name: "widget", bot_token: BOT_TOKEN, now: NOW, fields: { ...fields, hash }, user_id: 279058397 }];
}

// Meta and TikTok publish the algorithm and no library for it.
const metaEscape = (text) => text.replace(/[\u0080-\uffff]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
function instagram() {
  const secret = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
  return Object.entries(bodies).map(([name, text]) => {
    const body = metaEscape(text);
    return { name, secret, body: b64(body), header: "sha256=" + createHmac("sha256", secret).update(body, "utf-8").digest("hex") };
  });
}
function tiktok() {
  const secret = "tiktokClientSecret0123456789abcd";
  return Object.entries(bodies).map(([name, body]) => {
    const s = createHmac("sha256", secret).update(`${NOW}.${body}`, "utf-8").digest("hex");
    return { name, secret, now: NOW, body: b64(body), header: `t=${NOW},s=${s}` };
  });
}

console.log(JSON.stringify({
  shopify_webhook: await shopifyWebhooks(),
  app_proxy: await signedQueries("appProxy", proxyCases),
  oauth: await signedQueries("admin", oauthCases),
  session_token: await sessionTokens(),
  standard_webhooks: standardWebhooks(),
  init_data: initData(),
  telegram_login: telegramLogin(),
  instagram: instagram(),
  tiktok: tiktok(),
}, null, 2));
