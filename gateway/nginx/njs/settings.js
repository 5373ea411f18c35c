// Values of one running nginx. The supervisor overwrites this file in nginx's prefix; these are what the unit tests see.
export default {"epoch": "epoch0", "decisionMs": 60000, "spool": "/dev/null", "guard": "/dev/null", "translator": "/run/translator.sock",
    "maxOutputTokens": 4096, "keepsResponses": false, "attemptMs": 30000, "readMs": 600000,
    "budgetPercent": 20, "budgetMinimum": 100, "retryConcurrency": 1000,
    "anonymousPerMinute": 300, "limitHeaders": true, "version": "0"};
