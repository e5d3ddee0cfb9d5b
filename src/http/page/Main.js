/** The page: what the feed says goes into the model, and what the model knows is drawn once per frame. */
import { makeCharts } from "./Charts.js"
import { makeDatabase } from "./DatabasePanel.js"
import { byId, setText } from "./Dom.js"
import { makeEvents } from "./EventsList.js"
import { Feed } from "./Feed.js"
import { makeFindings } from "./FindingsList.js"
import { showHeader } from "./HeaderBar.js"
import { Model } from "./Model.js"
import { showNumbers } from "./Numbers.js"
import { makeProgram } from "./ProgramPanels.js"
import { makeSessions } from "./SessionsTable.js"
import { startTheme } from "./Theme.js"
import { makeVerdict } from "./VerdictLine.js"

/** Ages go on while nothing comes, in milliseconds. */
const TICK_MILLIS = 1000

const model = new Model()
const showVerdict = makeVerdict()
const showFindings = makeFindings()
const showSessions = makeSessions()
const showDatabase = makeDatabase()
const showProgram = makeProgram()
const showEvents = makeEvents()
const charts = makeCharts(model)

/** What is to be drawn in the next frame: a hidden page gets none, and draws everything when it is seen again. */
const due = { charts: false, frame: false }

const draw = () => {
  due.frame = false
  const { connection, status } = model
  if (status !== undefined && connection._tag === "live") {
    showNumbers(status)
    showFindings(status)
    showSessions(status)
    showDatabase(status, model)
    showProgram(status)
  }
  showEvents(model)
  if (!due.charts) return
  due.charts = false
  charts.show()
}

/** The verdict is told at once: the title of a tab is read, and heard, while its page is hidden. */
const redraw = () => {
  showHeader(model)
  showVerdict(model)
  if (due.frame) return
  due.frame = true
  requestAnimationFrame(draw)
}

const redrawAll = () => {
  due.charts = true
  redraw()
}

startTheme(() => charts.retheme())
setText(byId("command"), `curl ${new URL("status", document.baseURI).href}`)
setInterval(redraw, TICK_MILLIS)

const feed = new Feed("events", {
  onHello: (hello) => {
    model.hello(hello)
    redrawAll()
  },
  onStatus: (status) => {
    model.connection = { _tag: "live" }
    model.status = status
    redraw()
  },
  onPoint: (point) => {
    model.point(point)
    redrawAll()
  },
  onEvent: (event) => {
    model.event(event)
    redraw()
  },
  onLost: (why) => {
    const since = model.connection._tag === "lost" ? model.connection.since : Date.now()
    model.connection = { _tag: "lost", since, why }
    redraw()
  },
  onDoor: () => location.reload()
})

feed.start()
