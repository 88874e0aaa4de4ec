/** The version of this software, said in every first call and in every provenance; a test holds it to package.json. */
export const SOFTWARE_VERSION = '0.1.0'
