// Reads [{name, typ, jws}] as JSON from stdin, verifies each with the npm package jose and the key that its kid names, and that
// no altered one passes. Writes {name, ok, header, payload (base64url), altered, accepted: [..]} for each.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(process.argv[2] + '/'));
const { compactVerify, decodeProtectedHeader, importJWK, base64url } = await import(pathToFileURL(require.resolve('jose')));

const keyOf = (kid) => importJWK({ kty: 'OKP', crv: 'Ed25519', x: kid }, 'EdDSA');
const verify = (jws, key) => compactVerify(jws, key, { algorithms: ['EdDSA'] });
const accepts = async (jws, key) => {
  try {
    await verify(jws, key);
    return true;
  } catch {
    return false;
  }
};

// One character of each part in turn, at its start, its middle and its end but one (the last has spare bits that a decoder may
// pass over), and whole parts of other statements.
function* alterations(jws, other) {
  const parts = jws.split('.');
  for (let p = 0; p < 3; p++) {
    const text = parts[p];
    for (const at of new Set([0, text.length >> 1, text.length - 2])) {
      if (text.length < 2) continue;
      const changed = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
      yield parts.with ? parts.with(p, changed).join('.') : parts.map((x, i) => (i === p ? changed : x)).join('.');
    }
    const swapped = parts.slice();
    swapped[p] = other.split('.')[p];
    if (swapped[p] !== parts[p]) yield swapped.join('.');
  }
  const none = base64url.encode(JSON.stringify({ ...decodeProtectedHeader(jws), alg: 'none' }));
  yield `${none}.${parts[1]}.`;
  yield `${none}.${parts[1]}.${parts[2]}`;
}

const statements = JSON.parse(readFileSync(0, 'utf8'));
const out = [];
for (const [i, s] of statements.entries()) {
  const result = { name: s.name, ok: false, altered: 0, accepted: [] };
  out.push(result);
  const header = decodeProtectedHeader(s.jws);
  const key = await keyOf(header.kid);
  try {
    const { payload, protectedHeader } = await verify(s.jws, key);
    Object.assign(result, { ok: true, header: protectedHeader, payload: base64url.encode(payload) });
  } catch (e) {
    result.error = String(e);
  }
  const other = statements[(i + 1) % statements.length].jws;
  for (const jws of alterations(s.jws, other)) {
    result.altered++;
    if (await accepts(jws, key)) result.accepted.push(jws);
  }
  const stranger = await keyOf(base64url.encode(Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')));
  result.altered++;
  if (await accepts(s.jws, stranger)) result.accepted.push('under the key of RFC 8032');
}
process.stdout.write(JSON.stringify(out));
