DROP TABLE live_sign_outs;
