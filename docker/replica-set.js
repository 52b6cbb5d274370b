// Makes mongodb1..3 one replica set and creates the user of the servers; does nothing when both are there.

const password = process.env.MONGODB_PASSWORD;
const admin = db.getSiblingDB("admin");
// Only a caller from loopback may create the first user, and only on the primary: mongodb1 must become it.
const members = ["mongodb1", "mongodb2", "mongodb3"].map((host, index) => ({
  _id: index,
  host: `${host}:27017`,
  priority: index === 0 ? 2 : 1,
}));

function userIsKnown() {
  try {
    return admin.auth("tongkang", password).ok === 1;
  } catch (error) {
    if (error.codeName === "AuthenticationFailed") {
      return false;
    }
    throw error;
  }
}

if (!db.hello().setName) {
  rs.initiate({ _id: "tongkang", members });
}
while (!userIsKnown()) {
  if (db.hello().isWritablePrimary) {
    admin.createUser({
      user: "tongkang",
      pwd: password,
      roles: [
        { role: "readWrite", db: "tongkang" },
        { role: "clusterMonitor", db: "admin" },
      ],
    });
  }
  sleep(200);
}
