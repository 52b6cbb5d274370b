import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r4.model.Resource;

/**
 * What HAPI's validator says of resources: java SecondOpinion DEFINITIONS < NDJSON > NDJSON.
 *
 * <p>DEFINITIONS is a folder of JSON files, StructureDefinitions, ValueSets and CodeSystems. Each line
 * read is {"profile": URL or "", "resource": {...}} written as: URL, a tab, the resource. Each line
 * written is a JSON array of [severity, location, message id, message].
 */
public class SecondOpinion {
  public static void main(String[] arguments) throws Exception {
    FhirContext context = FhirContext.forR4();
    PrePopulatedValidationSupport ours = new PrePopulatedValidationSupport(context);
    try (Stream<Path> files = Files.walk(Path.of(arguments[0]))) {
      for (Path file : files.filter(one -> one.toString().endsWith(".json")).sorted().collect(Collectors.toList())) {
        ours.addResource((Resource) context.newJsonParser().parseResource(Files.readString(file)));
      }
    }
    ValidationSupportChain chain = new ValidationSupportChain(
        ours,
        new DefaultProfileValidationSupport(context),
        new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context),
        new SnapshotGeneratingValidationSupport(context));
    FhirInstanceValidator instances = new FhirInstanceValidator(chain);
    instances.setAnyExtensionsAllowed(true);
    instances.setErrorForUnknownProfiles(false);
    FhirValidator validator = context.newValidator().registerValidatorModule(instances);
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      int tab = line.indexOf('\t');
      ValidationOptions options = new ValidationOptions();
      if (tab > 0) options.addProfile(line.substring(0, tab));
      List<SingleValidationMessage> said =
          validator.validateWithResult(line.substring(tab + 1), options).getMessages();
      out.println(said.stream()
          .filter(one -> one.getSeverity() != ResultSeverityEnum.INFORMATION)
          .map(one -> "[" + Stream.of(
              one.getSeverity().getCode(), one.getLocationString(), one.getMessageId(), one.getMessage())
              .map(SecondOpinion::quoted).collect(Collectors.joining(",")) + "]")
          .collect(Collectors.joining(",", "[", "]")));
    }
  }

  private static String quoted(String text) {
    StringBuilder made = new StringBuilder("\"");
    for (char one : (text == null ? "" : text).toCharArray()) {
      if (one == '"' || one == '\\') made.append('\\').append(one);
      else if (one < 0x20) made.append(String.format("\\u%04x", (int) one));
      else made.append(one);
    }
    return made.append('"').toString();
  }
}
