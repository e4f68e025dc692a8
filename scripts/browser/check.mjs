// Clicks through report.html and fleet.html of a directory: node check.mjs CHROMIUM DIRECTORY. Pictures go there as well.
import assert from "node:assert/strict";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, directory] = process.argv.slice(2);
const address = (name) => pathToFileURL(path.resolve(directory, name)).href;
const picture = (name) => path.resolve(directory, name);
const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });

// A page that reports whatever it asks for beyond itself, and whatever goes wrong in it.
async function opened(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("request", (request) => request.url().split("#")[0] === address(name) || wrong.push(`asked for ${request.url()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && wrong.push(`console: ${message.text()}`));
  page.on("dialog", (dialog) => wrong.push(`dialog: ${dialog.message()}`) && dialog.dismiss());
  const begun = performance.now();
  await page.goto(address(name), { waitUntil: "load", timeout: 120_000 });
  return { page, context, wrong, milliseconds: performance.now() - begun };
}

async function closed({ page, context, wrong }) {
  assert.equal(await page.evaluate(() => window.acted), undefined, "something of a node or a register acted");
  assert.deepEqual(wrong, []);
  await context.close();
}

async function fitsItsWidth(page, what) {
  const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(wide <= inner, `${what}: ${wide} pixels in a window of ${inner}`);
}

const visible = (page) => page.locator(".finding:visible").count();

// What a person does with a report.
{
  const own = await opened("report.html");
  const { page } = own;
  await fitsItsWidth(page, "desktop");
  await page.screenshot({ path: picture("desktop-light.png"), fullPage: true });
  const all = await page.locator(".finding").count();
  assert.ok(all > 50 && (await visible(page)) === all);
  assert.equal(await page.locator("img").count(), 0);
  assert.ok((await page.locator("main").textContent()).includes("<img src=x onerror"), "hostile text is shown as text");

  const only = async (what, expected) => {
    const shown = await visible(page);
    assert.ok(shown > 0 && shown < all, `${what} shows ${shown} of ${all}`);
    assert.equal(await page.locator(".finding:visible").evaluateAll(expected), true, what);
    assert.equal(await page.locator("#shown").textContent(), `${shown} of ${all} findings shown`);
    return shown;
  };
  await page.fill("#text", "Scheduler manifest");
  await only("text", (found) => found.every((one) => /scheduler/i.test(one.textContent)));
  await page.fill("#text", "nothing is called so");
  assert.equal(await visible(page), 0);
  assert.equal(await page.locator(".group:visible").count(), 0, "groups without findings are hidden");
  await page.fill("#text", "");

  for (const box of await page.locator("input[name=verdict]:not([value=fail])").all()) await box.uncheck();
  await only("verdict", (found) => found.every((one) => one.classList.contains("fail")));
  for (const [id, value] of [["decision", "accepted"], ["owner", "control-plane-team"], ["change", "regressed"]]) {
    await page.selectOption(`#${id}`, value);
    await only(`${id} ${value}`, (found) => found.length > 0);
    const told = await page.locator(".finding:visible").evaluateAll((found, id) => found.map((one) => one.dataset[id]), id);
    assert.ok(told.every((one) => one.split(" ").includes(value)), `${id}: ${told}`);
    await page.selectOption(`#${id}`, "");
  }

  await page.click("#unfold");
  assert.equal(await page.locator(".finding:visible > details:not([open])").count(), 0);
  await page.click("#fold");
  assert.equal(await page.locator(".finding > details[open]").count(), 0);
  await page.locator(".finding:visible summary").first().focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator(".finding > details[open]").count(), 1, "a finding unfolds by the keyboard");

  // A link leads to its finding, also where the filter hides it.
  await page.fill("#text", "nothing is called so");
  const link = page.locator("#since ~ ul a").first();
  const target = (await link.getAttribute("href")).slice(1);
  await link.click();
  await page.waitForFunction((id) => document.getElementById(id).querySelector("details").open, target);
  assert.ok(await page.locator(`[id="${target}"]`).isVisible());
  for (const heading of ["Since the baseline", "Over the last runs", "By owner", "Verdicts by component"]) {
    assert.equal(await page.getByRole("heading", { name: heading, exact: true }).count(), 1, heading);
  }
  assert.match(await page.locator("main").textContent(), /it failed until .*, and fails again/);

  // On paper everything is unfolded, and the form is not there.
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.locator("details:not([open])").count(), 0);
  assert.equal(await page.locator("#filter").isVisible(), false);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  assert.match(await page.locator("#narrowed").textContent(), /of \d+ findings are shown/);
  assert.ok(await page.locator("#narrowed").isVisible(), "paper says that it is narrowed");
  await page.emulateMedia({ media: "screen" });
  await page.fill("#text", "");
  for (const box of await page.locator("input[name=verdict]").all()) await box.check();
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("#narrowed").isVisible(), false);
  await page.pdf({ path: picture("report.pdf"), format: "A4", printBackground: true });
  await closed(own);
}

// Every text can be read: its contrast is that of WCAG 2.1 AA, light and dark.
function contrast() {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const low = new Set();
  for (const element of document.querySelectorAll("body *:not(svg *):not(script)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [one, other] = [light(channels(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) low.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return [...low];
}

for (const [name, options] of [
  ["desktop-light", {}],
  ["desktop-dark", { colorScheme: "dark" }],
  ["phone-light", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }],
  ["phone-dark", { colorScheme: "dark", viewport: { width: 390, height: 844 } }],
]) {
  const own = await opened("report.html", options);
  await fitsItsWidth(own.page, name);
  assert.deepEqual(await own.page.evaluate(contrast), [], name);
  if (name !== "desktop-light") await own.page.screenshot({ path: picture(`${name}.png`), fullPage: true });
  await own.page.click("#unfold");
  await fitsItsWidth(own.page, `${name}, unfolded`);
  await own.page.locator(".finding").first().screenshot({ path: picture(`${name}-finding.png`) });
  const headings = await own.page.locator("h1, h2, h3").evaluateAll((all) => all.map((one) => Number(one.tagName[1])));
  assert.ok(headings.every((level, at) => at === 0 ? level === 1 : level <= headings[at - 1] + 1), "no level is left out");
  await closed(own);
}

// Without script everything is there, and the form, which would do nothing, is not.
{
  const own = await opened("report.html", { javaScriptEnabled: false });
  assert.equal(await own.page.locator("#filter").isVisible(), false);
  assert.ok(await own.page.locator(".finding").first().isVisible());
  await own.page.locator(".finding summary").first().click();
  assert.ok(await own.page.locator(".finding dl").first().isVisible());
  await own.context.close();
  assert.deepEqual(own.wrong, []);
}

// 5,000 nodes and 10,000 findings: somebody works with it.
{
  const own = await opened("fleet.html");
  const { page } = own;
  const timed = async (work) => {
    const begun = performance.now();
    await work();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    return Math.round(performance.now() - begun);
  };
  const shown = () => page.locator("#shown").textContent();
  const text = await timed(() => page.fill("#text", "setting-77 is 13"));
  assert.match(await shown(), /^[1-9]\d{0,2} of 10000 /);
  const back = await timed(() => page.fill("#text", ""));
  const box = await timed(() => page.locator("input[name=verdict][value=pass]").uncheck());
  const heap = await page.evaluate(() => performance.memory.usedJSHeapSize);
  console.log(
    `fleet: loaded in ${Math.round(own.milliseconds)} ms, narrowed by text in ${text} ms, widened in ${back} ms, by verdict in ` +
      `${box} ms; ${Math.round(heap / 1e6)} MB of script memory`,
  );
  for (const [what, milliseconds, most] of [["load", own.milliseconds, 30_000], ["text", text, 5_000], ["back", back, 5_000], ["verdict", box, 5_000]]) {
    assert.ok(milliseconds < most, `${what} took ${milliseconds} ms`);
  }
  await fitsItsWidth(page, "fleet");
  await page.screenshot({ path: picture("fleet.png") });
  await page.locator("#findings").scrollIntoViewIfNeeded();
  await page.screenshot({ path: picture("fleet-findings.png") });
  await closed(own);
}

await browser.close();
console.log("the browser found nothing wrong");
