/** The page: messages of the feed update the model, which is drawn once per frame. */
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

/** How often ages are redrawn without a message. */
const TICK_MILLIS = 1000

const model = new Model()
const showVerdict = makeVerdict()
const showFindings = makeFindings()
const showSessions = makeSessions()
const showDatabase = makeDatabase()
const showProgram = makeProgram()
const showEvents = makeEvents()
const charts = makeCharts(model)

/** What to draw in the next frame. A hidden page gets no frames, and draws everything when it is shown again. */
const pending = { charts: false, frame: false }

const draw = () => {
  pending.frame = false
  const { connection, status } = model
  if (status !== undefined && connection._tag === "live") {
    showNumbers(status)
    showFindings(status)
    showSessions(status)
    showDatabase(status, model)
    showProgram(status)
  }
  showEvents(model)
  if (!pending.charts) return
  pending.charts = false
  charts.show()
}

/** The verdict is shown at once: the tab's title is visible while the page is hidden. */
const redraw = () => {
  showHeader(model)
  showVerdict(model)
  if (pending.frame) return
  pending.frame = true
  requestAnimationFrame(draw)
}

const redrawAll = () => {
  pending.charts = true
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
  onDisconnect: (why) => {
    const since = model.connection._tag === "disconnected" ? model.connection.since : Date.now()
    model.connection = { _tag: "disconnected", since, why }
    redraw()
  },
  onDenied: () => location.reload()
})

feed.start()
