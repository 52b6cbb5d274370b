// Let openid-client, a certified relying party, sign somebody in and use every endpoint it knows.
// Told on the first line of the input: {issuer, id, secret, redirect, scope}. It prints the URL to
// go to, reads on the second line the URL come back to, and prints what it learnt.
import * as readline from "node:readline/promises";
import * as openid from "openid-client";

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const told = JSON.parse((await lines.next()).value);
const options = { execute: [openid.allowInsecureRequests] };
const method = openid.ClientSecretBasic(told.secret);
const party = await openid.discovery(new URL(told.issuer), told.id, {}, method, options);

const verifier = openid.randomPKCECodeVerifier();
const asked = {
  redirect_uri: told.redirect,
  scope: told.scope,
  aud: `${told.issuer}/fhir`,
  code_challenge: await openid.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state: openid.randomState(),
  nonce: openid.randomNonce(),
};
console.log(openid.buildAuthorizationUrl(party, asked).href);

const back = new URL((await lines.next()).value);
const first = await openid.authorizationCodeGrant(party, back, {
  pkceCodeVerifier: verifier,
  expectedState: asked.state,
  expectedNonce: asked.nonce,
  idTokenExpected: true,
});
const { sub, fhirUser } = first.claims();
const person = await openid.fetchUserInfo(party, first.access_token, sub);
const second = await openid.refreshTokenGrant(party, first.refresh_token);
const alive = await openid.tokenIntrospection(party, second.access_token);
await openid.tokenRevocation(party, second.refresh_token);
const dead = await openid.tokenIntrospection(party, second.access_token);
console.log(
  JSON.stringify({
    issuer: party.serverMetadata().issuer,
    fhirUser,
    person,
    refreshed: second.access_token !== first.access_token,
    patient: second.patient,
    alive: alive.active,
    dead: dead.active,
  }),
);
process.exit(0);
