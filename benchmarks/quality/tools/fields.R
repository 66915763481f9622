# Public fields of R packages, cut into stations that are given and stations that are kept back; and what the field's
# own models say of the latter. Usage: Rscript fields.R COMMAND ...
#   field NAME OUT.csv       columns x, y in metres, z, and day where stations were read on several days
#   models SPLITS.csv OUT.csv
# SPLITS.csv has columns split, kept (0 or 1), x, y, z. Each split's kept stations are kriged from the 12 nearest given
# ones, under gstat's fit.variogram of the sample variogram (exponential, spherical), under an exponential variogram by
# restricted likelihood of all given stations (Harville 1974), and under the mean of the given (where a fit fails, too).
suppressPackageStartupMessages({ library(sp); library(gstat) })
arguments <- commandArgs(TRUE)
plane <- function(lonlat, epsg) sf::sf_project("EPSG:4326", paste0("EPSG:", epsg), as.matrix(lonlat))
table_of <- function(xy, z, day = NULL) {
  it <- data.frame(x = xy[, 1], y = xy[, 2], z = z)
  if (!is.null(day)) it$day <- day
  it <- it[complete.cases(it), ]
  it[!duplicated(it[, setdiff(names(it), "z")]), ]
}
days_of <- function(xy, rows, every) do.call(rbind, lapply(every, function(d) table_of(xy, rows[d, ], d)))
networks <- list(   # by the part of a field's name before "_"; what is after it is given
  jura = function(name) {
    data(jura)
    both <- rbind(jura.pred, jura.val)
    table_of(1000 * both[, c("Xloc", "Yloc")], both[[name]])
  },
  coalash = function(name) { data(coalash); table_of(762 * coalash[, 1:2], coalash$coalash) },
  walker = function(name) { data(walker); it <- as.data.frame(walker); table_of(it[, c("X", "Y")], it[[name]]) },
  sic97 = function(name) { data(sic97); table_of(coordinates(sic_full), sic_full$rainfall) },
  oxford = function(name) { data(oxford); table_of(oxford[, c("XCOORD", "YCOORD")], oxford[[name]]) },
  meuse = function(name) { data(meuse.all); table_of(meuse.all[, c("x", "y")], meuse.all[[name]]) },
  soil = function(name) { data("soil", package = "RandomFields"); table_of(soil[, 1:2], soil[[name]]) },
  sic2004 = function(name) {
    data(sic2004)
    both <- rbind(as.data.frame(sic.val)[, c("x", "y", name)], as.data.frame(sic.test)[, c("x", "y", name)])
    table_of(both[, 1:2], both[[name]])
  },
  rainfall = function(name) {
    data("NorthAmericanRainfall", package = "fields")
    it <- NorthAmericanRainfall
    table_of(plane(cbind(it$longitude, it$latitude), 5070), it$precip / 10)
  },
  ozone = function(name) {
    data("ozone2", package = "fields")
    days_of(plane(ozone2$lon.lat, 32616), ozone2$y, seq(3, 87, 6))
  },
  colorado = function(name) {
    data("COmonthlyMet", package = "fields")
    table_of(plane(CO.loc, 32613), CO.tmin.MAM.climate)
  },
  calcium = function(name) { data("ca20", package = "RandomFields"); table_of(ca20.df[, 1:2], ca20.df$data) },
  weather = function(name) {
    data("weather", package = "RandomFields")
    table_of(plane(weather[, c("lon", "lat")], 32610), weather[, name])
  },
  pm10 = function(name) {
    suppressPackageStartupMessages(library(spacetime))
    data(air)
    days <- which(format(dates, "%Y") == name)
    days_of(plane(coordinates(stations), 32632), t(air), days[seq(5, length(days), 10)])
  },
  athens = function(name) {
    data("properties", package = "spData")
    table_of(sf::st_coordinates(properties), properties[[name]])
  },
  boston = function(name) {
    data("boston", package = "spData")
    table_of(1000 * boston.utm, boston.c[[name]])
  },
  fulmar = function(name) {
    data("fulmar", package = "gstat")
    it <- fulmar[fulmar$year == as.numeric(name), ]
    table_of(it[, c("x", "y")], it$fulmar)
  },
  glacier = function(name) {
    data("glacier", package = "fields")
    table_of(1000 * glacier$loc, c(glacier$y))
  },
  lucas = function(name) {
    data("house", package = "spData")
    table_of(coordinates(house), log(house[[name]]))
  },
  pcb = function(name) { data("pcb", package = "gstat"); table_of(pcb[, c("x", "y")], pcb[[name]]) },
  quakes = function(name) table_of(plane(cbind(quakes$long, quakes$lat), 3832), quakes[[name]]),
  usprecip = function(name) {
    data("USprecip", package = "spam")
    it <- USprecip[USprecip[, "infill"] == 1, ]
    table_of(plane(it[, c("lon", "lat")], 5070), it[, name])
  },
  volcano = function(name) table_of(10 * cbind(c(row(volcano)), c(col(volcano))), c(volcano)),
  wheat = function(name) { data("wheat", package = "spData"); table_of(wheat[, c("lon", "lat")], wheat[[name]]) })

restricted <- function(given) {
  apart <- as.matrix(dist(given[, c("x", "y")]))
  reach <- max(apart)
  contrasts <- function(by) {
    range <- reach * exp(by[1])
    nugget <- plogis(by[2])
    root <- tryCatch(chol((1 - nugget) * exp(-apart / range) + diag(nugget + 1e-9, nrow(apart))), error = function(e) NULL)
    if (is.null(root)) return(c(1e10, 0))
    ones <- backsolve(root, rep(1, nrow(apart)), transpose = TRUE)
    seen <- backsolve(root, given$z, transpose = TRUE)
    left <- seen - ones * sum(ones * seen) / sum(ones^2)
    sill <- sum(left^2) / (length(left) - 1)
    c((length(left) - 1) * log(sill) / 2 + sum(log(diag(root))) + log(sum(ones^2)) / 2, sill)
  }
  starts <- expand.grid(log(c(0.03, 0.1, 0.4)), c(-3, 0))
  found <- apply(starts, 1, function(start) {
    it <- optim(start, function(by) if (by[1] > 3 || by[1] < -7 || abs(by[2]) > 9) 1e10 else contrasts(by)[1])
    c(it$par, it$value)
  })
  best <- found[1:2, which.min(found[3, ])]
  nugget <- plogis(best[2])
  sill <- contrasts(best)[2]
  vgm((1 - nugget) * sill, "Exp", reach * exp(best[1]), nugget = nugget * sill)
}
kriged <- function(given, kept, model) {
  usable <- !is.null(model) && all(model$psill >= 0) && all(model$range >= 0) && sum(model$psill) > 0
  found <- if (usable) krige(z ~ 1, given, kept, model, nmax = 12, debug.level = 0)$var1.pred else NA
  ifelse(is.na(found), mean(given$z), found)
}
one_split <- function(part) {
  given <- part[part$kept == 0, ]
  kept <- part[part$kept == 1, ]
  likely <- restricted(given)
  coordinates(given) <- ~ x + y
  coordinates(kept) <- ~ x + y
  seen <- variogram(z ~ 1, given)
  fit <- function(name) tryCatch(suppressWarnings(fit.variogram(seen, vgm(name))), error = function(e) NULL)
  data.frame(exponential = kriged(given, kept, fit("Exp")), spherical = kriged(given, kept, fit("Sph")),
             likelihood = kriged(given, kept, likely), mean = mean(given$z))
}
if (arguments[1] == "field") {
  at <- regexpr("_", arguments[2])
  of_network <- networks[[substr(arguments[2], 1, at - 1)]]
  write.csv(of_network(substring(arguments[2], at + 1)), arguments[3], row.names = FALSE)
} else {
  all <- read.csv(arguments[2])
  write.csv(do.call(rbind, lapply(split(all, all$split), one_split)), arguments[3], row.names = FALSE)
}
