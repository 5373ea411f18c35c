// Values of one running nginx. The supervisor overwrites this file in nginx's prefix; these are what the unit tests see.
export default {"epoch": "epoch0", "decisionMs": 60000, "spool": "/dev/null"};
