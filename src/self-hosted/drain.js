/** Run by `workerd test`, so that stopping needs no other program: asks the running Warmpool to drain. */
export default {
  async test(_controller, env) {
    const response = await env.CONTROL.fetch(`http://control/drain?seconds=${env.SECONDS}`);
    const left = await response.text();
    if (left !== '0') console.log(`warmpool: ${left} drivers were still busy after ${env.SECONDS} s`);
  },
};
